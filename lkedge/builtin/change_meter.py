"""How much a picture differs from the one before it, by a few rows of it."""

from __future__ import annotations

import ctypes

from lkedge.media.frame import VideoFrame

ROWS = 4
"""Rows that are looked at, evenly spread."""

HIGH_BITS = 0xE0
"""Of a sample: what changes when it moves by a visible amount, not with a camera's noise."""

SMOOTHING = 8
"""Pictures over which a lasting motion becomes the usual one."""

TOLERATED, USUAL_TOLERATED = 0.1, 2.0
"""Share of the luma that may change without being new, and how many times the usual share."""


class ChangeMeter:
    """Compares pictures of one size; used by one thread. Keeps a copy of the rows, not the picture."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [(2 * index + 1) * height // (2 * ROWS) for index in range(ROWS)]
        self._samples = width * ROWS
        self._width = width
        self._mask = int.from_bytes(bytes([HIGH_BITS]) * self._samples, "little")
        self._last: int | None = None
        self._usual = 0.0

    def update(self, frame: VideoFrame) -> float:
        """Share of the luma that is new, 0 to 1: beyond what changes from picture to picture by now.

        0 for the first picture.
        """
        samples = self._sampled(frame)
        if self._last is None:
            self._last = samples
            return 0.0
        change = (samples ^ self._last).bit_count() / self._samples
        self._last = samples
        beyond = change - USUAL_TOLERATED * self._usual - TOLERATED
        self._usual += (change - self._usual) / SMOOTHING
        return max(0.0, min(1.0, beyond))

    def _sampled(self, frame: VideoFrame) -> int:
        luma = frame.planes[0]
        rows = (ctypes.string_at(luma.pointer + row * luma.stride, self._width) for row in self._rows)
        return int.from_bytes(b"".join(rows), "little") & self._mask
