# lkedge: pure
"""What a camera can do, and which of it fits best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lkedge.plugin.api import VideoCaptureSettings
from lkedge.terms import Codec

RAW_FORMATS = {
    "YU12": "yuv420p",
    "NV12": "nv12",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
}
"""FFmpeg's names by fourcc, the cheapest to convert first."""

MJPEG_FORMATS = ("MJPG", "JPEG")
H264 = "H264"

FOURCCS = {
    "yu12": ("YU12",),
    "nv12": ("NV12",),
    "yuyv": ("YUYV",),
    "uyvy": ("UYVY",),
    "rgb": ("RGB3", "BGR3"),
    "mjpeg": MJPEG_FORMATS,
    "h264": (H264,),
}
"""By the value of the option `input_format`."""

USABLE = (*RAW_FORMATS, *MJPEG_FORMATS, H264)

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
    covers it, else the largest there is; a rate that reaches the wanted one; for an H.264
    track the camera's own H.264; raw before MJPEG, since decoding costs more than the bus.

    Returns:
        None when the camera has nothing in a usable (or the wanted) format.
    """
    return min(_fitting(modes, input_format), key=lambda mode: _cost(mode, capture), default=None)


def explain(chosen: Mode, modes: Iterable[Mode], capture: VideoCaptureSettings, input_format: str = "auto") -> str:
    """Why `choose` took this mode, in a few words for people."""
    fitting = _fitting(modes, input_format)
    reasons = [_size_reason(chosen, capture), *_rate_reason(chosen, capture), *_format_reason(chosen, fitting, capture)]
    if input_format != "auto":
        reasons.append(f'input_format = "{input_format}"')
    return "; ".join(reasons)


def rate_of(numerator: int, denominator: int) -> float:
    """Pictures per second from an interval; 0 when there is none."""
    return round(denominator / numerator, 3) if numerator else 0.0


def _fitting(modes: Iterable[Mode], input_format: str) -> list[Mode]:
    allowed = USABLE if input_format == "auto" else FOURCCS[input_format]
    return [mode for mode in modes if mode.fourcc in allowed and mode.width > 0 and mode.height > 0]


def _cost(mode: Mode, capture: VideoCaptureSettings) -> tuple[int, int, float, int]:
    width, height = wanted_size(capture)
    area, wanted_area = mode.width * mode.height, width * height
    covers = mode.width >= width and mode.height >= height
    size_class = 0 if (mode.width, mode.height) == (width, height) else 1 if covers else 2
    return size_class, abs(area - wanted_area), _missing_rate(mode, capture), _rank(mode.fourcc, capture)


def _missing_rate(mode: Mode, capture: VideoCaptureSettings) -> float:
    return max(0.0, wanted_framerate(capture) * RATE_TOLERANCE - (mode.framerate or 1000.0))


def _rank(code: str, capture: VideoCaptureSettings) -> int:
    """What a format costs us: nothing when it can be passed through, most when H.264 is to be decoded."""
    return -1 if code == H264 and capture.codec is Codec.H264 else USABLE.index(code)


def _size_reason(chosen: Mode, capture: VideoCaptureSettings) -> str:
    width, height = wanted_size(capture)
    if (chosen.width, chosen.height) == (width, height):
        return "the wanted size" if capture.width and capture.height else "no size is wanted, so 1280x720"
    if chosen.width >= width and chosen.height >= height:
        return f"the smallest size that covers {width}x{height}"
    return f"the size nearest to {width}x{height}, which it does not reach"


def _rate_reason(chosen: Mode, capture: VideoCaptureSettings) -> Iterator[str]:
    if _missing_rate(chosen, capture):
        yield f"{chosen.framerate:g} pictures per second, of {wanted_framerate(capture):g} wanted, is its most there"


def _format_reason(chosen: Mode, fitting: Sequence[Mode], capture: VideoCaptureSettings) -> Iterator[str]:
    """Why a format that costs less was not taken."""
    if _rank(chosen.fourcc, capture) < 0:
        yield "its H.264 is passed through"
        return
    cheaper = [mode for mode in fitting if _rank(mode.fourcc, capture) < _rank(chosen.fourcc, capture)]
    same_size = [mode for mode in cheaper if (mode.width, mode.height) == (chosen.width, chosen.height)]
    slower = {mode.fourcc: mode.framerate for mode in same_size}
    yield from (f"{code} reaches only {rate:g} per second there" for code, rate in slower.items())
    absent = sorted({mode.fourcc for mode in cheaper} - slower.keys())
    if absent:
        yield f"{', '.join(absent)} does not have this size"


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
