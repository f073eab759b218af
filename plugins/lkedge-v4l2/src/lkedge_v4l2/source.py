"""The source "v4l2": opens a camera, delivers its pictures, notices when it goes or stalls."""

from __future__ import annotations

import threading

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import SourceClosed, SourceLost, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat, VideoSource
from lkedge_v4l2.capture import Capture, Picture
from lkedge_v4l2.device import Device, Negotiated, unavailable
from lkedge_v4l2.formats import DEFAULT_FRAMERATE, choose, wanted_framerate
from lkedge_v4l2.kernel import Kernel, LinuxKernel
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.picture import Unpack, unpacker
from lkedge_v4l2.probe import find_device

WAIT_S = 0.2
"""`close` from another thread ends a waiting `read` within this time."""

OLDEST_PLAUSIBLE_NS = SECOND_NS
"""Some drivers stamp their first buffers with 0 or with another clock."""


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
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._device: Device | None = None
        self._capture: Capture | None = None
        self._unpack: Unpack | None = None
        self._last_ns = 0

    def open(self) -> VideoFormat:
        with self._lock:
            if self._closed.is_set():
                raise SourceClosed("the camera was closed before it was opened")
            self._device = Device(find_device(self._options.device, self._kernel), self._kernel)
            try:
                return self._start(self._device)
            except BaseException:
                self._release()
                raise

    def read(self) -> VideoFrame:
        with self._lock:
            deadline_ns = self._clock.monotonic_ns() + round(self._options.stall_after * SECOND_NS)
            while True:
                frame = self._next()
                if frame is not None:
                    return frame
                self._check_progress(deadline_ns)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._release()

    def _start(self, device: Device) -> VideoFormat:
        modes = device.modes(self._settings)
        mode = choose(modes, self._settings, self._options.input_format)
        if mode is None:
            offered = ", ".join(sorted({mode.fourcc for mode in modes})) or "nothing"
            raise SourceUnavailable(
                f"{device.path}: the camera {device.card} has no usable format for "
                f'input_format = "{self._options.input_format}"; it offers {offered}'
            )
        negotiated = device.negotiate(mode, wanted_framerate(self._settings))
        self._unpack = unpacker(negotiated)
        try:
            self._capture = Capture(device.fd, device.path, self._kernel)
        except OSError as error:
            raise unavailable(device.path, error) from error
        return _video_format(negotiated)

    def _next(self) -> VideoFrame | None:
        if self._closed.is_set() or self._capture is None or self._unpack is None:
            raise SourceClosed("the camera is closed")
        picture = self._capture.take(WAIT_S)
        return None if picture is None else self._unpack(picture, self._captured_ns(picture))

    def _check_progress(self, deadline_ns: int) -> None:
        if self._clock.monotonic_ns() >= deadline_ns and self._device is not None:
            raise SourceLost(
                f"{self._device.path}: no picture from {self._device.card} for {self._options.stall_after:g} s; "
                "it is opened again"
            )

    def _captured_ns(self, picture: Picture) -> int:
        """The driver's time when it is plausible, else now; strictly rising."""
        now_ns = self._clock.monotonic_ns()
        is_plausible = 0 <= now_ns - picture.timestamp_ns < OLDEST_PLAUSIBLE_NS
        captured_ns = picture.timestamp_ns if is_plausible else now_ns
        self._last_ns = max(self._last_ns + 1, captured_ns)
        return self._last_ns

    def _release(self) -> None:
        capture, self._capture = self._capture, None
        device, self._device = self._device, None
        if capture is not None:
            capture.stop()
        if device is not None:
            device.close()


def _video_format(negotiated: Negotiated) -> VideoFormat:
    mode = negotiated.mode
    return VideoFormat(mode.width & ~1, mode.height & ~1, mode.framerate or DEFAULT_FRAMERATE)
