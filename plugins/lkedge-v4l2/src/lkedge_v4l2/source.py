"""The source "v4l2": opens a camera, delivers its pictures, notices when it goes or stalls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import SourceClosed, SourceError, SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import Control, ControlValue, VideoCaptureSettings, VideoFormat, VideoSource
from lkedge.terms import Codec
from lkedge_v4l2.controls import DeviceControls
from lkedge_v4l2.device import Device, Negotiated
from lkedge_v4l2.formats import DEFAULT_FRAMERATE, H264, Mode, choose, explain, wanted_framerate
from lkedge_v4l2.kernel import Kernel, LinuxKernel
from lkedge_v4l2.key_frames import KeyFrameRequester
from lkedge_v4l2.modes import capable_modes
from lkedge_v4l2.names import find_device, shown_path
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.passthrough import H264Unpacker
from lkedge_v4l2.picture import unpacker
from lkedge_v4l2.stream import WAIT_S, CaptureTimes, Stream

logger = logging.getLogger(__name__)

FIRST_KEY_FRAME_S = 4.0
"""A camera whose own key frames are further apart, and that cannot be asked for one, is not passed through."""


class V4l2Source(VideoSource):
    """One camera. The lock makes `close` wait for a `read` that is under way."""

    def __init__(
        self,
        capture: VideoCaptureSettings,
        options: V4l2Options,
        *,
        kernel: Kernel | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = capture
        self._options = options
        self._kernel = kernel or LinuxKernel()
        self._clock = clock or SystemClock()
        self._times = CaptureTimes(self._clock)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._device: Device | None = None
        self._stream: Stream | None = None
        self._key_frames: KeyFrameRequester | None = None
        self._first: EncodedFrame | None = None

    def open(self) -> VideoFormat:
        with self._lock:
            self._check_open()
            self._device = Device(find_device(self._options.device, self._kernel), self._kernel)
            try:
                self._apply_controls(self._device)
                return self._start(self._device)
            except BaseException:
                self._release()
                raise

    def read(self) -> VideoFrame | EncodedFrame:
        with self._lock:
            first, self._first = self._first, None
            if first is not None:
                return first
            deadline_ns = self._clock.monotonic_ns() + round(self._options.stall_after * SECOND_NS)
            while True:
                frame = self._open_stream().take()
                if frame is not None:
                    return frame
                if self._clock.monotonic_ns() >= deadline_ns:
                    raise self._open_stream().stalled(self._options.stall_after)

    def request_key_frame(self) -> None:
        with self._lock:
            if self._key_frames is not None:
                self._key_frames.request()

    def controls(self) -> Sequence[Control]:
        with self._lock:
            return () if self._device is None else DeviceControls(self._device).read()

    def set_control(self, name: str, value: ControlValue) -> None:
        with self._lock:
            if self._device is None:
                raise SourceError(f"control {name!r} cannot be set: the camera is not open")
            DeviceControls(self._device).set(name, value)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._release()

    def _apply_controls(self, device: Device) -> None:
        """A wrong control keeps the track from starting, with the reason; it would not be seen otherwise."""
        try:
            DeviceControls(device).set_all(self._options.controls)
        except SourceError as error:
            raise SourceUnavailable(str(error)) from error

    def _start(self, device: Device) -> VideoFormat:
        modes = capable_modes(device, self._settings)
        mode = self._choose(device, modes)
        if mode.fourcc == H264 and self._settings.codec is Codec.H264:
            passed = self._pass_through(device, mode, modes)
            if isinstance(passed, VideoFormat):
                return passed
            logger.info("%s: the H.264 of %s is not passed through: %s", device.path, device.card, passed)
            others = [mode for mode in modes if mode.fourcc != H264]
            modes = others if choose(others, self._settings, self._options.input_format) else modes
            mode = self._choose(device, modes)
        return self._start_raw(device, mode, modes)

    def _start_raw(self, device: Device, mode: Mode, modes: Sequence[Mode]) -> VideoFormat:
        negotiated = device.negotiate(mode, wanted_framerate(self._settings))
        keeps_all = mode.fourcc == H264
        self._stream = Stream(device, self._kernel, unpacker(negotiated), self._times, keeps_all=keeps_all)
        self._log_choice(device, negotiated, modes)
        agreed = negotiated.mode
        return VideoFormat(agreed.width & ~1, agreed.height & ~1, agreed.framerate or DEFAULT_FRAMERATE)

    def _pass_through(self, device: Device, mode: Mode, modes: Sequence[Mode]) -> VideoFormat | str:
        """Start with the camera's own H.264; or tell why that cannot be, with everything stopped again."""
        negotiated = device.negotiate(mode, wanted_framerate(self._settings))
        self._key_frames = KeyFrameRequester(device, self._kernel)
        unpack = H264Unpacker(negotiated.mode, self._key_frames.request)
        self._stream = Stream(device, self._kernel, unpack, self._times, keeps_all=True)
        self._key_frames.request()
        self._first = self._first_key_frame(self._stream)
        obstacle = unpack.obstacle or ("" if self._first else f"no key frame came within {FIRST_KEY_FRAME_S:g} s")
        if not obstacle:
            self._log_choice(device, negotiated, modes)
            agreed = negotiated.mode
            return VideoFormat(agreed.width, agreed.height, agreed.framerate or DEFAULT_FRAMERATE, Codec.H264)
        self._stream.stop()
        self._stream = self._key_frames = self._first = None
        return obstacle

    def _first_key_frame(self, stream: Stream) -> EncodedFrame | None:
        deadline_ns = self._clock.monotonic_ns() + round(FIRST_KEY_FRAME_S * SECOND_NS)
        while self._clock.monotonic_ns() < deadline_ns:
            self._check_open()
            frame = stream.take(WAIT_S)
            if isinstance(frame, EncodedFrame):
                return frame
        return None

    def _choose(self, device: Device, modes: Sequence[Mode]) -> Mode:
        mode = choose(modes, self._settings, self._options.input_format)
        if mode is not None:
            return mode
        offered = ", ".join(sorted({mode.fourcc for mode in modes})) or "nothing"
        raise SourceUnavailable(
            f"{device.path}: the camera {device.card} has no usable format for "
            f'input_format = "{self._options.input_format}"; it offers {offered}'
        )

    def _log_choice(self, device: Device, negotiated: Negotiated, modes: Sequence[Mode]) -> None:
        reason = explain(negotiated.mode, modes, self._settings, self._options.input_format)
        where = shown_path(device.path, self._kernel)
        logger.info("%s (%s) delivers %s: %s", device.card, where, negotiated.mode, reason)

    def _open_stream(self) -> Stream:
        self._check_open()
        if self._stream is None:
            raise SourceClosed("the camera is closed")
        return self._stream

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise SourceClosed("the camera is closed")

    def _release(self) -> None:
        stream, self._stream = self._stream, None
        device, self._device = self._device, None
        self._key_frames = None
        if stream is not None:
            stream.stop()
        if device is not None:
            device.close()
