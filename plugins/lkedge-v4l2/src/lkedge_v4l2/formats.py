# lkedge: pure
"""What a camera can do, and which of it fits best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lkedge.plugin.api import VideoCaptureSettings

RAW_FORMATS = {"YU12": "yuv420p", "NV12": "nv12", "YUYV": "yuyv422"}
"""FFmpeg's names by fourcc, the cheapest to convert first."""

MJPEG_FORMATS = ("MJPG", "JPEG")

FOURCCS = {"yu12": ("YU12",), "nv12": ("NV12",), "yuyv": ("YUYV",), "mjpeg": MJPEG_FORMATS}
"""By the value of the option `input_format`."""

USABLE = (*RAW_FORMATS, *MJPEG_FORMATS)

DEFAULT_SIZE = (1280, 720)
DEFAULT_FRAMERATE = 30.0
RATE_TOLERANCE = 0.95
"""A camera that says 29.97 or 28.6 is good enough for 30."""


@dataclass(frozen=True, slots=True)
class Range:
    """Sizes that a camera scales to freely, in one direction."""

    low: int
    high: int
    step: int

    def nearest(self, wanted: int) -> int:
        """The allowed value next to the wanted one; even."""
        step = max(2, self.step + self.step % 2)
        clamped = max(self.low, min(self.high, wanted))
        value = self.low + (clamped - self.low) // step * step
        return value - value % 2


@dataclass(frozen=True, slots=True)
class Mode:
    """One way that a camera can deliver. framerate: the highest in this size; 0 when not known."""

    fourcc: str
    width: int
    height: int
    framerate: float

    def __str__(self) -> str:
        rate = f"@{self.framerate:g}" if self.framerate else ""
        return f"{self.fourcc} {self.width}x{self.height}{rate}"


def wanted_size(capture: VideoCaptureSettings) -> tuple[int, int]:
    """The size to look for."""
    return (capture.width, capture.height) if capture.width and capture.height else DEFAULT_SIZE


def wanted_framerate(capture: VideoCaptureSettings) -> float:
    """The rate to look for."""
    return capture.framerate or DEFAULT_FRAMERATE


def choose(modes: Iterable[Mode], capture: VideoCaptureSettings, input_format: str = "auto") -> Mode | None:
    """The mode nearest to what is wanted.

    Size goes before rate, rate before format: the wanted size, else the smallest that
    covers it, else the largest there is; a rate that reaches the wanted one; raw before
    MJPEG, since decoding costs more than the bus.

    Returns:
        None when the camera has nothing in a usable (or the wanted) format.
    """
    allowed = USABLE if input_format == "auto" else FOURCCS[input_format]
    fitting = [mode for mode in modes if mode.fourcc in allowed and mode.width > 0 and mode.height > 0]
    return min(fitting, key=lambda mode: _cost(mode, capture), default=None)


def _cost(mode: Mode, capture: VideoCaptureSettings) -> tuple[int, int, float, int]:
    width, height = wanted_size(capture)
    area, wanted_area = mode.width * mode.height, width * height
    covers = mode.width >= width and mode.height >= height
    size_class = 0 if (mode.width, mode.height) == (width, height) else 1 if covers else 2
    missing_rate = max(0.0, wanted_framerate(capture) * RATE_TOLERANCE - (mode.framerate or 1000.0))
    return size_class, abs(area - wanted_area), missing_rate, USABLE.index(mode.fourcc)


def summary(modes: Sequence[Mode]) -> dict[str, str]:
    """Sizes and rates by format, the largest first, for people."""
    result: dict[str, list[str]] = {}
    for mode in sorted(modes, key=lambda mode: (mode.fourcc, -mode.width * mode.height)):
        rate = f"@{mode.framerate:g}" if mode.framerate else ""
        result.setdefault(mode.fourcc, []).append(f"{mode.width}x{mode.height}{rate}")
    return {code: ", ".join(sizes) for code, sizes in result.items()}


def is_whole_jpeg(data: bytes) -> bool:
    """Whether a picture from the bus is worth decoding: cameras send torn ones after a hiccup.

    Source: ustreamer, src/libs/capture.c.
    """
    return len(data) >= 128 and data[:2] == b"\xff\xd8" and data[-2:] in (b"\xff\xd9", b"\xd9\x00", b"\x00\x00")
