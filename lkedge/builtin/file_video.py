"""Pictures of a media file: decoded, or passed through as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

from av.bitstream import BitStreamFilterContext

from lkedge.builtin.file_container import FileStream
from lkedge.builtin.file_timeline import LoopTimeline
from lkedge.builtin.picture import from_av
from lkedge.clock import SECOND_NS
from lkedge.errors import SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import VideoFormat
from lkedge.terms import Codec

CODECS = {"h264": Codec.H264, "vp8": Codec.VP8, "libvpx": Codec.VP8}
DEFAULT_FRAMERATE = 30.0
SINGLE_THREAD_PIXELS = 1280 * 720
"""Up to this size one thread decodes; more threads cost memory and spin."""


class DecodedVideo:
    """Raw pictures, without a copy."""

    def __init__(self, file: FileStream) -> None:
        self._file = file
        context = file.context
        context.thread_count = 1 if context.width * context.height <= SINGLE_THREAD_PIXELS else 2
        self.format = VideoFormat(context.width & ~1, context.height & ~1, _framerate(file))
        self._timeline = LoopTimeline(round(SECOND_NS / self.format.framerate))
        self._frames = self._timed_frames()

    def read(self) -> tuple[int, Callable[[int], VideoFrame]]:
        """The running time of the next picture, and what makes it. Raises as FileStream.frames."""
        timed = next(self._frames, None)
        if timed is None:
            raise self._file.ended()
        running_ns, picture = timed
        return running_ns, lambda captured_ns: _even_sized(from_av(picture, captured_ns))

    def close(self) -> None:
        self._frames.close()
        self._file.close()

    def _timed_frames(self) -> Generator[tuple[int, Any], None, None]:
        for pictures in self._file.decoded_passes():
            for picture in pictures:
                yield self._timeline.at(self._file.time_ns(picture.pts, picture.time_base)), picture
            self._timeline.restart()


class EncodedVideo:
    """The file's own H.264 or VP8. H.264 leaves as Annex-B with SPS and PPS before every IDR."""

    def __init__(self, file: FileStream, codec: Codec) -> None:
        context = file.context
        self._file = file
        self._codec = codec
        self._filter = _annexb_filter(file) if codec is Codec.H264 else None
        self.format = VideoFormat(context.width, context.height, _framerate(file), codec)
        self._timeline = LoopTimeline(round(SECOND_NS / self.format.framerate))
        self._packets = self._timed_packets()

    def read(self) -> tuple[int, Callable[[int], EncodedFrame]]:
        """As DecodedVideo.read."""
        timed = next(self._packets, None)
        if timed is None:
            raise self._file.ended()
        running_ns, packet = timed
        return running_ns, lambda captured_ns: self._frame(packet, captured_ns)

    def close(self) -> None:
        self._packets.close()
        self._file.close()

    def _frame(self, packet: Any, captured_ns: int) -> EncodedFrame:
        width, height = self.format.width, self.format.height
        return EncodedFrame(self._codec, NO_RID, bytes(packet), captured_ns, packet.is_keyframe, width, height)

    def _timed_packets(self) -> Generator[tuple[int, Any], None, None]:
        for packets in self._file.passes():
            for packet in packets:
                time_ns = self._file.time_ns(packet.pts)
                for filtered in self._filter.filter(packet) if self._filter is not None else [packet]:
                    yield self._timeline.at(time_ns), filtered
            self._timeline.restart()
            if self._filter is not None:
                self._filter.flush()


def open_video(file: FileStream, wanted: Codec | None, passthrough: str) -> tuple[DecodedVideo | EncodedVideo, str]:
    """How this file is played, and why it is not passed through ("" when it is, or need not be).

    passthrough: "auto", "always" or "never". wanted: the codec of the track.

    Raises:
        SourceUnavailable: "always", but it is not possible.
    """
    codec = CODECS.get(file.codec_name)
    if passthrough == "never" or (passthrough == "auto" and (codec is None or codec is not wanted)):
        return DecodedVideo(file), ""
    obstacle = _obstacle(file, codec)
    if not obstacle and codec is not None:
        return EncodedVideo(file, codec), ""
    if passthrough == "always":
        raise SourceUnavailable(f'{file.path} cannot be passed through: {obstacle}; set passthrough = "auto"')
    return DecodedVideo(file), obstacle


def _obstacle(file: FileStream, codec: Codec | None) -> str:
    """Why WebRTC receivers could not play the stream as it is."""
    context = file.context
    if codec is None:
        return f"it is {file.codec_name}, not H.264 or VP8"
    if context.pix_fmt not in ("yuv420p", "yuvj420p"):
        return f"its pixel format is {context.pix_fmt}, not yuv420p"
    times = [packet.pts for packet in file.probe()]
    if None in times:
        return "its pictures have no time stamps"
    if context.has_b_frames or any(later <= earlier for earlier, later in pairwise(times)):
        return "it has B-frames"
    return ""


def _annexb_filter(file: FileStream) -> BitStreamFilterContext:
    """Containers with an avcC record hold lengths instead of start codes, and SPS and PPS apart."""
    has_lengths = (file.context.extradata or b"")[:1] == b"\x01"
    name = "h264_mp4toannexb" if has_lengths else "dump_extra=freq=keyframe"
    return BitStreamFilterContext(name, file.stream)


def _framerate(file: FileStream) -> float:
    rate = file.stream.average_rate or file.stream.guessed_rate
    return float(rate) if rate else DEFAULT_FRAMERATE


def _even_sized(frame: VideoFrame) -> VideoFrame:
    """Leave out the last column or row of an odd size."""
    if not (frame.width | frame.height) & 1:
        return frame
    return dataclasses.replace(frame, width=frame.width & ~1, height=frame.height & ~1)
