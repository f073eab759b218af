"""Pictures to tell apart: a soft wave of grey that moves by eight pixels a picture."""

from __future__ import annotations

import ctypes

from lkedge.clock import SECOND_NS
from lkedge.media.frame import Plane, VideoFrame

FRAMERATE = 30


def sample(width: int, height: int, index: int) -> VideoFrame:
    """Picture `index`, without padding."""
    memory = ctypes.create_string_buffer(
        _row(width, index) * height + b"\x80" * (width // 2 * height), width * height * 3 // 2
    )
    start = ctypes.addressof(memory)
    luma, half = width * height, width // 2
    planes = (
        Plane(start, width),
        Plane(start + luma, half),
        Plane(start + luma + half * (height // 2), half),
    )
    return VideoFrame(width, height, "yuv420p", planes, _captured_ns(index), memory)


def _row(width: int, index: int) -> bytes:
    return bytes(48 + abs((x + 8 * index) % 320 - 160) for x in range(width))


def _captured_ns(index: int) -> int:
    return SECOND_NS + index * SECOND_NS // FRAMERATE
