"""Pictures to try an encoder with: soft noise that drifts, made once and looked at through a moving window."""

from __future__ import annotations

import ctypes
import random
from typing import Protocol

from lkedge.clock import SECOND_NS
from lkedge.media.frame import Plane, VideoFrame

START_NS = SECOND_NS

STEP = 8
"""Pixels by which the picture moves from one to the next."""

MOVES = 32
"""Then the window goes back to where it began."""

TEXTURE_ROWS = 64
ROW_HEIGHT = 8
SPACING = 16
"""Pixels between two random values; softly joined, as in a camera's picture."""

ALIGNMENT = 128
"""Of the rows of luma; those of chroma are half as long."""


class Clip(Protocol):
    """Pictures of one size."""

    width: int
    height: int

    def at(self, index: int, framerate: float) -> VideoFrame: ...

    def row(self, index: int, number: int) -> bytes: ...


class MovingPicture:
    """An endless clip of one size. The pictures share its memory, which nobody writes to."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._stride = -(-(width + STEP * MOVES) // ALIGNMENT) * ALIGNMENT
        content = luma(self._stride, height) + b"\x80" * (self._stride // 2 * height)
        self._memory = ctypes.create_string_buffer(content, len(content))

    def at(self, index: int, framerate: float) -> VideoFrame:
        """Picture `index`; its capture time follows from the frame rate."""
        shift = STEP * (index % MOVES)
        start, half, size = ctypes.addressof(self._memory), self._stride // 2, self._stride * self.height
        planes = (
            Plane(start + shift, self._stride),
            Plane(start + size + shift // 2, half),
            Plane(start + size + half * (self.height // 2) + shift // 2, half),
        )
        return VideoFrame(self.width, self.height, "yuv420p", planes, captured_ns(index, framerate), self._memory)

    def row(self, index: int, number: int) -> bytes:
        """The luma of one row of picture `index`."""
        start = ctypes.addressof(self._memory) + number * self._stride + STEP * (index % MOVES)
        return ctypes.string_at(start, self.width)


def captured_ns(index: int, framerate: float) -> int:
    return START_NS + round(index * SECOND_NS / framerate)


def index_of(time_ns: int, framerate: float) -> int:
    """Which picture was taken then; the inverse of `captured_ns`."""
    return round((time_ns - START_NS) * framerate / SECOND_NS)


def luma(stride: int, height: int) -> bytes:
    """The texture, in rows of `stride` pixels."""
    noise = random.Random(1)
    rows = [_soft_row(noise, stride) for _ in range(TEXTURE_ROWS)]
    return b"".join(rows[row // ROW_HEIGHT % TEXTURE_ROWS] for row in range(height))


def _soft_row(noise: random.Random, length: int) -> bytes:
    values = [noise.randrange(70, 190) for _ in range(length // SPACING + 1)]
    return bytes(
        (values[i // SPACING] * (SPACING - i % SPACING) + values[i // SPACING + 1] * (i % SPACING)) // SPACING
        for i in range(length)
    )
