"""The source: a picture of one shade, at the wanted size and rate."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Sequence

from lkedge.errors import SourceClosed
from lkedge.media.frame import Plane, VideoFrame
from lkedge.plugin.api import Control, ControlKind, ControlValue, VideoCaptureSettings, VideoFormat, VideoSource
from lkedge.plugin.controls import checked_value, find_control
from lkedge_grey.plugin import GreyOptions

NEUTRAL = 128
"""The chroma of everything grey."""


class GreySource(VideoSource):
    """Paced by a timer, as a camera is by its sensor."""

    def __init__(self, capture: VideoCaptureSettings, options: GreyOptions) -> None:
        self._width = capture.width or 640
        self._height = capture.height or 360
        self._framerate = capture.framerate or 10.0
        self._luma = options.luma
        self._picture = b""
        self._closed = threading.Event()

    def open(self) -> VideoFormat:
        """Claim the hardware here; raise SourceUnavailable with the remedy when it is not to be had."""
        self._draw()
        return VideoFormat(self._width, self._height, self._framerate)

    def read(self) -> VideoFrame:
        """The next picture; `captured_ns` is CLOCK_MONOTONIC."""
        if self._closed.wait(1 / self._framerate):
            raise SourceClosed("grey is closed")
        return VideoFrame(
            self._width, self._height, "yuv420p", self._planes(), time.monotonic_ns(), owner=self._picture
        )

    def close(self) -> None:
        self._closed.set()

    def controls(self) -> Sequence[Control]:
        return [Control("luma", ControlKind.INTEGER, self._luma, default=128, minimum=16, maximum=235)]

    def set_control(self, name: str, value: ControlValue) -> None:
        control = find_control(self.controls(), name)
        self._luma = int(checked_value(control, value))
        self._draw()

    def _draw(self) -> None:
        """A new object each time: pictures that were handed over are not written again."""
        luma = self._width * self._height
        self._picture = bytes([self._luma]) * luma + bytes([NEUTRAL]) * (luma // 2)

    def _planes(self) -> tuple[Plane, ...]:
        """Where Y, U and V begin, and their strides in bytes."""
        start = ctypes.cast(ctypes.c_char_p(self._picture), ctypes.c_void_p).value or 0
        luma, half = self._width * self._height, self._width // 2
        return Plane(start, self._width), Plane(start + luma, half), Plane(start + luma + luma // 4, half)
