"""The source "picamera2": opens a camera, delivers its pictures, notices when it falls silent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import SourceClosed, SourceError, SourceStuck, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import Control, ControlValue, VideoCaptureSettings, VideoFormat, VideoSource
from lkedge_picamera2 import library
from lkedge_picamera2.arrivals import Arrivals
from lkedge_picamera2.camera import Camera, rate
from lkedge_picamera2.cameras import CameraInfo, choose, listed
from lkedge_picamera2.closing import wait_for_others
from lkedge_picamera2.controls import CameraControls
from lkedge_picamera2.options import Picamera2Options
from lkedge_picamera2.pictures import Pictures, Stream
from lkedge_picamera2.refusal import no_right, unavailable
from lkedge_picamera2.times import CaptureTimes
from lkedge_picamera2.tuning import find_tuning_file
from lkedge_picamera2.wishes import Wishes, wishes_of

logger = logging.getLogger(__name__)

EARLIER_DEADLINE_S = 6.0
"""How long a camera that is still being closed in this process is waited for."""

EXPOSURES = 3
"""A stamp of the sensor may be older than the last picture's exposure by the work of the ISP."""


class Picamera2Source(VideoSource):
    """One camera. Everything but `close` belongs to the reading thread.

    load: gives the module picamera2; as `library.load`.
    """

    def __init__(
        self,
        capture: VideoCaptureSettings,
        options: Picamera2Options,
        *,
        load: Callable[[str], Any] = library.load,
        clock: Clock | None = None,
    ) -> None:
        self._settings = capture
        self._options = options
        self._load = load
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._is_closed = False
        self._camera: Camera | None = None
        self._opened: OpenCamera | None = None

    def open(self) -> VideoFormat:
        self._check_open()
        wishes = wishes_of(self._settings, self._options)
        tuning_file = find_tuning_file(self._options.tuning_file)
        self._wait_for_others()
        module = self._load(tuning_file)
        camera = Camera(module, self._choose(module), tuning_file)
        try:
            self._keep(camera)
            self._opened = OpenCamera(camera, module, wishes, self._options, self._clock)
            self._check_open()
            return self._opened.start()
        except BaseException:
            self.close()
            raise

    def read(self) -> VideoFrame:
        self._check_open()
        if self._opened is None:
            raise SourceClosed("the camera is not open")
        frame = self._opened.read()
        self._check_open()
        if frame is None:
            raise self._opened.silent()
        return frame

    def controls(self) -> Sequence[Control]:
        return () if self._opened is None else self._opened.controls.read()

    def set_control(self, name: str, value: ControlValue) -> None:
        if self._opened is None or self._is_closed:
            raise SourceError(f"control {name!r} cannot be set: the camera is not open")
        self._opened.controls.set(name, value)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            camera, opened = self._camera, self._opened
        if opened is not None:
            opened.arrivals.close()
        if camera is not None:
            camera.close()

    def _keep(self, camera: Camera) -> None:
        """From now on `close` closes it; `open` does so itself when `close` came before."""
        with self._lock:
            self._camera = camera
        self._check_open()

    def _choose(self, module: Any) -> CameraInfo:
        try:
            cameras = listed(module.Picamera2.global_camera_info())
        except Exception as error:
            raise unavailable("libcamera's list of cameras", error) from error
        if not cameras and (reason := no_right()):
            raise SourceUnavailable(f"libcamera finds no camera: {reason}")
        return choose(cameras, self._options.camera)

    def _wait_for_others(self) -> None:
        """libcamera cannot claim a camera that is not released, and hangs beside one that hangs."""
        what = wait_for_others(EARLIER_DEADLINE_S)
        if what:
            raise SourceStuck(f"{what} still hangs in closing; its process has to end before a camera can be opened")

    def _check_open(self) -> None:
        if self._is_closed:
            raise SourceClosed("the camera is closed")


class OpenCamera:
    """A claimed camera that is configured, and then runs. Belongs to the reading thread, but for `arrivals.close`."""

    def __init__(self, camera: Camera, module: Any, wishes: Wishes, options: Picamera2Options, clock: Clock) -> None:
        """Raises SourceUnavailable."""
        self._camera = camera
        self._wishes = wishes
        self.arrivals = Arrivals(clock, self._take_back)
        self._streams = camera.configure(wishes)
        self._durations_us = camera.durations_us(wishes)
        self._times = CaptureTimes(clock, SECOND_NS + EXPOSURES * self._durations_us[1] * 1000)
        self._pictures = Pictures(self._streams, camera.buffers, camera.address, self.arrivals.returned)
        main = self._streams[0]
        self.controls = CameraControls(camera, module, main.width, main.height)
        self._apply(options)

    def start(self) -> VideoFormat:
        """Let pictures flow. Raises SourceUnavailable."""
        self._camera.start(self.arrivals.arrived)
        main, framerate = self._streams[0], rate(self._durations_us)
        logger.info("%s delivers %s", self._camera.info, self._described(framerate))
        return VideoFormat(main.width & ~1, main.height & ~1, framerate)

    def read(self) -> VideoFrame | None:
        """The next picture; None when none came for too long, or when closed."""
        request = self.arrivals.newest(self._wishes.stall_after_s)
        if request is None:
            return None
        self.controls.metadata = request.get_metadata()
        captured_ns = self._times.of(self.controls.metadata.get("SensorTimestamp"))
        return self._pictures.frame(request, captured_ns)

    def silent(self) -> SourceStuck:
        """The error for when nothing came for too long. libcamera, once silent, often stays so in its process."""
        return SourceStuck(
            f"no picture from camera {self._camera.info} for {self._wishes.stall_after_s:g} s; "
            "its worker is replaced; if that does not help, check its cable"
        )

    def _apply(self, options: Picamera2Options) -> None:
        """A wrong control keeps the track from starting, with the reason; it would not be seen otherwise."""
        try:
            self.controls.set_all(options.controls)
        except SourceError as error:
            raise SourceUnavailable(str(error)) from error

    def _take_back(self, request: Any) -> None:
        self._pictures.take_back(request)

    def _described(self, framerate: float) -> str:
        main, *others = self._streams
        along = "".join(f", and {_size(stream)} along" for stream in others)
        wished = "x".join(map(str, self._wishes.size))
        adapted = f" ({wished} was wanted)" if (main.width, main.height) != self._wishes.size else ""
        return f"{_size(main)} {main.pixel_format}{adapted} at {framerate:g}/s{along}"


def _size(stream: Stream) -> str:
    return f"{stream.width}x{stream.height}"
