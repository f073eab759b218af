"""The encoder of one layer, on any stateful encoder."""

from __future__ import annotations

import logging
from dataclasses import replace

from lkedge.clock import Clock, SystemClock
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond
from lkedge_h264_v4l2m2m.budget import Budget, Claim, Share
from lkedge_h264_v4l2m2m.coding import H264, Coding
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel, M2mKernel
from lkedge_h264_v4l2m2m.node import PIXEL_FORMATS, Node, ScalerNode
from lkedge_h264_v4l2m2m.picture_queue import ImportRefused
from lkedge_h264_v4l2m2m.scaler import Coming
from lkedge_h264_v4l2m2m.scaling import LayerScaling, ScalingHardware
from lkedge_h264_v4l2m2m.session import Input, Session, fourcc_for
from lkedge_h264_v4l2m2m.settings import Tuning, check_settings
from lkedge_h264_v4l2m2m.stream import Deadlines, EncodingStream, Result

logger = logging.getLogger(__name__)


class M2mEncoder(VideoEncoder):
    """One layer: checks, claims its share of the block, and chooses how pictures go in.

    Used by one thread. The frame's own memory goes in where it offers a DMABUF that lies as
    the driver wants it; all else is copied once.
    """

    def __init__(
        self,
        settings: VideoEncoderSettings,
        node: Node,
        budget: Budget,
        *,
        coding: Coding = H264,
        kernel: M2mKernel | None = None,
        clock: Clock | None = None,
        deadlines: Deadlines | None = None,
        scaling: ScalingHardware | None = None,
    ) -> None:
        """Open it. scaling: scales its pictures; without it, the worker does.

        Raises:
            EncoderError: the size, the share of the block or the driver say no.
        """
        check_settings(settings)
        self.pixel_formats = _pixel_formats(node)
        self._settings = settings
        self._node = node
        self._budget = budget
        self._coding = coding
        self._kernel = kernel or LinuxM2mKernel()
        self._clock = clock or SystemClock()
        self._deadlines = deadlines or Deadlines()
        self._can_import = True
        self._scaling = LayerScaling(scaling, self._wanted_of) if scaling else None
        self._stream: EncodingStream | None = None
        self._claim: Claim | None = budget.claim(self._share())
        try:
            self._open(Input(settings.width, settings.height, settings.framerate, fourcc_for("yuv420p", node)))
        except BaseException:
            self.close()
            raise

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        self._check(frame)
        stream = self._stream_for(frame)
        try:
            result = stream.encode(frame, key_frame=key_frame)
        except ImportRefused as error:
            result = self._copying_instead(error, frame)
        return None if result is None else self._encoded(result)

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        wanted = replace(self._settings, bitrate=bitrate, framerate=framerate)
        check_settings(wanted)
        stream = self._checked_stream()
        self._settings = wanted
        if self._claim is not None and framerate > self._claim.share.framerate:
            self._claim.release()
            self._claim = self._budget.claim(self._share())
        stream.set_rate(bitrate, framerate)

    def scale(self, frame: VideoFrame) -> VideoFrame | None:
        return self._scaling.scale(frame, self._settings.framerate) if self._scaling else None

    def close(self) -> None:
        if self._scaling:
            self._scaling.close()
        stream, self._stream = self._stream, None
        claim, self._claim = self._claim, None
        if stream is not None:
            stream.close()
        if claim is not None:
            claim.release()

    def _wanted_of(self, scaler: ScalerNode) -> Coming | None:
        """As the driver wants it, so that it can take the scaler's memory."""
        fourcc = next((code for code in self._node.fourccs if code in scaler.gives), None)
        if fourcc is None:
            return None
        layout = self._checked_stream().session.layout
        stride = layout.stride if layout.fourcc == fourcc else 0
        return Coming(self._settings.width, self._settings.height, fourcc, stride)

    def _share(self) -> Share:
        settings = self._settings
        return Share(settings.rid, settings.width, settings.height, settings.framerate)

    def _checked_stream(self) -> EncodingStream:
        if self._stream is None:
            raise EncoderError(f"{self._node.path}: this hardware encoder is closed: make a new one")
        return self._stream

    def _check(self, frame: VideoFrame) -> None:
        self._checked_stream()
        wanted = f"{self._settings.width}x{self._settings.height}"
        if f"{frame.width}x{frame.height}" != wanted:
            raise EncoderError(f"a picture of {frame.width}x{frame.height} came to an encoder for {wanted}: scale it")
        if frame.pixel_format not in self.pixel_formats:
            formats = ", ".join(self.pixel_formats)
            raise EncoderError(f"a {frame.pixel_format} picture came, {formats} is needed: convert it")
        if self._claim is not None and self._claim.is_revoked:
            raise EncoderError(
                f"{self._node.path}: {self._claim.share} gives its place in the hardware encoder to a larger layer"
            )

    def _stream_for(self, frame: VideoFrame) -> EncodingStream:
        """The open one, or another when the source now offers something else: DMABUF or not, I420 or NV12."""
        wanted = self._input_for(frame)
        if wanted.is_imported and not self._imports(wanted, frame):
            wanted = self._input_for(frame)
        if not self._is_open_for(wanted):
            self._open(wanted)
        return self._checked_stream()

    def _input_for(self, frame: VideoFrame) -> Input:
        settings = self._settings
        fourcc = fourcc_for(frame.pixel_format, self._node)
        is_imported = self._can_import and frame.dmabuf >= 0 and PIXEL_FORMATS[fourcc] == frame.pixel_format
        stride = frame.planes[0].stride if is_imported else 0
        return Input(settings.width, settings.height, settings.framerate, fourcc, is_imported, stride)

    def _imports(self, wanted: Input, frame: VideoFrame) -> bool:
        """A layout that does not fit once will not fit later: then pictures are copied from now on."""
        try:
            if not self._is_open_for(wanted):
                self._open(wanted)
            self._can_import = self._checked_stream().session.accepts(frame)
            reason = "its rows or its size do not fit"
        except EncoderError as error:
            self._can_import = False
            reason = str(error)
        if not self._can_import:
            logger.info("%s: the memory of the source cannot be used, pictures are copied: %s", self._node.path, reason)
        return self._can_import

    def _copying_instead(self, error: ImportRefused, frame: VideoFrame) -> Result | None:
        """Memory that could not be imported: the copy begins a new stream, and so with a key frame."""
        logger.info("%s: pictures are copied from now on: %s", self._node.path, error)
        self._can_import = False
        return self._stream_for(frame).encode(frame, key_frame=True)

    def _is_open_for(self, wanted: Input) -> bool:
        if self._stream is None:
            return False
        now = self._stream.session.pictures
        return (wanted.fourcc, wanted.is_imported, wanted.stride) == (now.fourcc, now.is_imported, now.stride)

    def _open(self, pictures: Input) -> None:
        """A stream for this kind of input; it begins with a key frame. Raises EncoderError."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        session = Session(self._node, self._coding.fourcc, pictures, self._kernel)
        try:
            tuning = Tuning(session, self._coding, self._settings)
            bitrate = self._settings.bitrate
            self._stream = EncodingStream(session, self._coding, tuning, bitrate, self._clock, self._deadlines)
        except BaseException:
            session.close()
            raise

    def _encoded(self, result: Result) -> EncodedFrame:
        settings = self._settings
        return EncodedFrame(
            settings.codec,
            settings.rid,
            result.data,
            result.captured_ns,
            result.is_key,
            settings.width,
            settings.height,
        )


def _pixel_formats(node: Node) -> tuple[str, ...]:
    """I420 always: it is what scalers make, and it becomes NV12 while it is copied."""
    own = [PIXEL_FORMATS[code] for code in node.fourccs]
    return tuple(own if "yuv420p" in own else [*own, "yuv420p"])
