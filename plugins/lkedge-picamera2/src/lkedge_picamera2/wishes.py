# lkedge: pure
"""What is asked of a camera, from the settings of the track."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lkedge.errors import SourceUnavailable
from lkedge.media.layers import default_encoding, simulcast_ladder
from lkedge.plugin.api import VideoCaptureSettings
from lkedge_picamera2.options import Picamera2Options

DEFAULT_SIZE = (1280, 720)
DEFAULT_FRAMERATE = 30.0
SECOND_US = 1_000_000
FRAMES_UNTIL_STALLED = 5
"""Fewer missing pictures than this are no stall, however slow the camera may go (libcamera's own measure)."""

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wishes:
    """lores: None without a second picture. durations_us: the shortest and the longest time from picture to picture."""

    size: Size
    lores: Size | None
    durations_us: tuple[int, int]
    hflip: bool
    vflip: bool
    stall_after_s: float

    @property
    def framerate(self) -> float:
        return SECOND_US / self.durations_us[0]


def wishes_of(capture: VideoCaptureSettings, options: Picamera2Options) -> Wishes:
    """Raises SourceUnavailable when settings contradict each other."""
    if options.rotation not in (0, 180):
        raise SourceUnavailable(
            f"rotation = {options.rotation}: cameras turn their picture by 0 or 180 degrees only; turn the camera"
        )
    size = _even(capture.width or DEFAULT_SIZE[0], capture.height or DEFAULT_SIZE[1])
    is_turned = options.rotation == 180
    fastest, slowest = _rates(capture, options)
    return Wishes(
        size=size,
        lores=_lores(options.lores, size),
        durations_us=(round(SECOND_US / fastest), round(SECOND_US / slowest)),
        hflip=options.hflip != is_turned,
        vflip=options.vflip != is_turned,
        stall_after_s=max(options.stall_after, FRAMES_UNTIL_STALLED / slowest),
    )


def within(durations_us: tuple[int, int], shortest_us: int, longest_us: int) -> tuple[int, int]:
    """What the camera can do of these durations."""
    shortest, longest = (min(max(duration, shortest_us), max(shortest_us, longest_us)) for duration in durations_us)
    return shortest, longest


def _rates(capture: VideoCaptureSettings, options: Picamera2Options) -> tuple[float, float]:
    fastest = options.fps_max or max(capture.framerate, options.fps_min) or DEFAULT_FRAMERATE
    slowest = options.fps_min or fastest
    if slowest > fastest:
        raise SourceUnavailable(f"fps_min = {slowest:g} is more than fps_max = {fastest:g}; swap them")
    return fastest, slowest


def _lores(text: str, size: Size) -> Size | None:
    if text == "off":
        return None
    if text == "auto":
        return _middle_layer(size)
    found = re.fullmatch(r"(\d{1,5}) *x *(\d{1,5})", text)
    if not found:
        raise SourceUnavailable(f'lores = "{text}" must be auto, off, or a size such as "640x360"')
    lores = _even(int(found[1]), int(found[2]))
    if not (16 <= lores[0] <= size[0] and 16 <= lores[1] <= size[1]):
        raise SourceUnavailable(f'lores = "{text}" must not be larger than the picture, which is {size[0]}x{size[1]}')
    return lores


def _middle_layer(size: Size) -> Size | None:
    """Of the default ladder: the lowest layer is made from it, too. None when there are not enough layers."""
    layers = simulcast_ladder(*size, default_encoding(*size))
    return (layers[-2].width, layers[-2].height) if len(layers) > 1 else None


def _even(width: int, height: int) -> Size:
    return max(16, width & ~1), max(16, height & ~1)
