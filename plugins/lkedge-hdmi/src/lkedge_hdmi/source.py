"""The source "hdmi": the pictures of an HDMI input, and a slate while there are none.

The source stays open without a signal, a cable or even a device: it then delivers a slate once a
second and says why in `condition`. When a signal comes whose size and rate are those that were
announced, its pictures follow in place; otherwise `read` raises SourceLost, and the worker opens
the source again with the real size.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from lkedge_v4l2.formats import wanted_framerate, wanted_size
from lkedge_v4l2.stream import WAIT_S, CaptureTimes, Stream

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import SourceClosed, SourceError, SourceLost, SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import Control, ControlValue, VideoCaptureSettings, VideoFormat, VideoSource
from lkedge_hdmi.hdmi_input import DeviceGone, HdmiInput
from lkedge_hdmi.kernel import HdmiKernel, LinuxHdmiKernel
from lkedge_hdmi.locate import find_input
from lkedge_hdmi.options import HdmiOptions
from lkedge_hdmi.signal import Condition, Signal
from lkedge_hdmi.slates import Slates

logger = logging.getLogger(__name__)

SLATE_EVERY_NS = SECOND_NS
LOOK_EVERY_S = 0.25
"""How often a missing signal is looked for; `close` waits no longer."""

ASK_EVERY_NS = SECOND_NS
"""How often the signal is asked for while pictures flow, when the driver has no events, or when none come."""

FRAMERATE_TOLERANCE = 0.5


class HdmiSource(VideoSource):
    """One input. The lock makes `close` wait for a `read` that is under way.

    pause: waits for so many seconds, and ends early when the source is closed; for tests.
    """

    def __init__(
        self,
        capture: VideoCaptureSettings,
        options: HdmiOptions,
        *,
        kernel: HdmiKernel | None = None,
        clock: Clock | None = None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._settings = capture
        self._options = options
        self._kernel = kernel or LinuxHdmiKernel()
        self._clock = clock or SystemClock()
        self._times = CaptureTimes(self._clock)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._pause = pause or self._closed.wait
        self._input: HdmiInput | None = None
        self._stream: Stream | None = None
        self._signal: Signal | None = None
        self._format = VideoFormat(*wanted_size(capture), wanted_framerate(capture))
        self._slates = Slates(self._format.width, self._format.height)
        self._slate_due_ns = 0
        self._asked_ns = 0
        self._last_picture_ns = 0

    def open(self) -> VideoFormat:
        with self._lock:
            self._check_open()
            try:
                found = self._look()
                if isinstance(found, Signal):
                    self._format = self._start(found)
            except BaseException:
                self._release()
                raise
            self._slates = Slates(self._format.width, self._format.height)
            return self._format

    def read(self) -> VideoFrame:
        with self._lock:
            try:
                return self._next()
            except SourceUnavailable as error:
                raise SourceLost(str(error)) from error

    def controls(self) -> Sequence[Control]:
        with self._lock:
            return () if self._input is None else self._input.controls.read()

    def set_control(self, name: str, value: ControlValue) -> None:
        with self._lock:
            if self._input is None:
                raise SourceError(f"control {name!r} cannot be set: there is no device now")
            self._input.controls.set(name, value)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._release()

    def _next(self) -> VideoFrame:
        while True:
            self._check_open()
            frame = self._slate() if self._stream is None else self._picture(self._stream)
            if frame is not None:
                return frame

    def _picture(self, stream: Stream) -> VideoFrame | None:
        """The next picture; None when there is none yet, or when the signal has changed."""
        try:
            frame = stream.take(WAIT_S)
            if self._has_changed():
                self._begin_anew(self._look())
                return None
        except SourceLost as error:
            logger.debug("the pictures ended: %s", error)
            self._begin_anew(self._look())
            return None
        if frame is None or isinstance(frame, EncodedFrame):
            self._check_progress(stream)
            return None
        self._last_picture_ns = self._clock.monotonic_ns()
        return frame

    def _slate(self) -> VideoFrame | None:
        """The slate when it is due; before that, look for a signal."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._slate_due_ns:
            self._slate_due_ns = now_ns + SLATE_EVERY_NS
            lines = (self.condition, self._options.device.rsplit("/", 1)[-1] or "HDMI")
            return self._slates.frame(lines, self._times.of(now_ns))
        self._pause(min(LOOK_EVERY_S, (self._slate_due_ns - now_ns) / SECOND_NS))
        self._check_open()
        found = self._look()
        if isinstance(found, Signal):
            self._go_on(found)
        return None

    def _has_changed(self) -> bool:
        """The driver says so, or the signal is another one."""
        if self._input is None:
            return True
        if self._input.has_changed():
            return True
        now_ns = self._clock.monotonic_ns()
        is_due = now_ns - self._asked_ns >= ASK_EVERY_NS
        if not is_due or (self._input.has_events and now_ns - self._last_picture_ns < ASK_EVERY_NS):
            return False
        self._asked_ns = now_ns
        return self._input.signal() != self._signal

    def _check_progress(self, stream: Stream) -> None:
        waited_ns = self._clock.monotonic_ns() - self._last_picture_ns
        if waited_ns >= self._options.stall_after * SECOND_NS:
            raise stream.stalled(self._options.stall_after)

    def _begin_anew(self, found: Signal | Condition) -> None:
        """After a change: pictures of the new signal, or a slate."""
        self._stop_stream()
        if isinstance(found, Signal):
            self._go_on(found)

    def _go_on(self, signal: Signal) -> None:
        """Pictures follow in place when they are as announced. Raises SourceLost when they are not."""
        announced = self._format
        started = self._start(signal)
        if _is_like(started, announced):
            return
        raise SourceLost(
            f"{self._name()}: the signal is {_shown(started)} now, not {_shown(announced)}; it is opened again"
        )

    def _start(self, signal: Signal) -> VideoFormat:
        if self._input is None:
            raise SourceUnavailable(f"{self._name()}: there is no device")
        self._input.has_changed()
        self._stream, started = self._input.start(signal)
        self._signal = signal
        self._last_picture_ns = self._asked_ns = self._clock.monotonic_ns()
        self._tell("")
        return started

    def _look(self) -> Signal | Condition:
        """What arrives now; opens the device when it is there. Raises SourceUnavailable for what a person must heal."""
        if self._input is None:
            self._input = self._opened_input()
        found: Signal | Condition = Condition.NO_DEVICE if self._input is None else self._input.signal()
        if found is Condition.NO_DEVICE:
            self._release()
        if isinstance(found, Condition):
            self._tell(found.value)
        return found

    def _opened_input(self) -> HdmiInput | None:
        place = find_input(self._options.device, self._kernel)
        if place is None:
            return None
        try:
            return HdmiInput(place, self._settings, self._options, self._kernel, self._times)
        except DeviceGone:
            return None

    def _tell(self, condition: str) -> None:
        if condition == self.condition:
            return
        self.condition = condition
        self._slate_due_ns = 0
        logger.info("%s: %s", self._name(), condition or f"the signal is {self._signal}")

    def _name(self) -> str:
        return self._options.device or (self._input.place.video if self._input else "HDMI input")

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise SourceClosed("the HDMI input is closed")

    def _stop_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()

    def _release(self) -> None:
        self._stop_stream()
        opened, self._input = self._input, None
        if opened is not None:
            opened.close()


def _is_like(one: VideoFormat, other: VideoFormat) -> bool:
    is_same_size = (one.width, one.height) == (other.width, other.height)
    return is_same_size and abs(one.framerate - other.framerate) <= FRAMERATE_TOLERANCE


def _shown(video_format: VideoFormat) -> str:
    return f"{video_format.width}x{video_format.height}@{video_format.framerate:g}"
