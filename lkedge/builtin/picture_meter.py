"""What a picture will cost, by a few rows of it: how much is new in it, and how much detail it has."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from lkedge.media.frame import VideoFrame

ROWS = 4
"""Rows that are looked at, evenly spread."""

COARSE, SHIFTED = 0xF0, 0xF8
"""Bits of a sample, and of half a sample and 4: two scales in steps of 16 levels, 8 levels apart. What differs
in both differs visibly, wherever it lies; a camera's noise hardly does."""

MARK = 8
"""The lowest bit of the shifted scale, in which a difference is marked."""

SMOOTHING = 8
"""Pictures over which a lasting motion becomes the usual one."""

TOLERATED, USUAL_TOLERATED = 0.1, 2.0
"""Share of the luma that may change without being new, and how many times the usual share."""


class Content(NamedTuple):
    """new: share of the luma, 0 to 1, that changed beyond what changes from picture to picture by now; 0 for
    the first picture. detail: share that differs from its neighbour in the row: 0 for a wall, 0.1 for a film in
    720p, 0.5 for text; 0 where it was not asked for and nothing is new.
    """

    new: float
    detail: float


_Scales = tuple[int, int]


class PictureMeter:
    """Measures pictures of one size; used by one thread. Keeps a copy of the rows, not the picture."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [(2 * index + 1) * height // (2 * ROWS) for index in range(ROWS)]
        self._samples = width * ROWS
        self._width = width
        self._halves, self._coarse, self._offset, self._shifted, self._marks = (
            int.from_bytes(bytes([value]) * self._samples, "little") for value in (0x7F, COARSE, 4, SHIFTED, MARK)
        )
        self._last: _Scales | None = None
        self._usual = 0.0

    def update(self, frame: VideoFrame, *, with_detail: bool = False) -> Content:
        """Compare it with the picture before, and if need be with itself, one sample on."""
        samples = self._sampled(frame)
        scales = self._scales(samples)
        new = self._new(scales)
        detail = self._difference(scales, self._scales(samples >> 8)) if with_detail or new else 0.0
        return Content(new, detail)

    def _new(self, scales: _Scales) -> float:
        last, self._last = self._last, scales
        if last is None:
            return 0.0
        change = self._difference(scales, last)
        beyond = change - USUAL_TOLERATED * self._usual - TOLERATED
        self._usual += (change - self._usual) / SMOOTHING
        return max(0.0, min(1.0, beyond))

    def _scales(self, samples: int) -> _Scales:
        """All samples at once, a byte each."""
        halved = (samples >> 1) & self._halves
        return samples & self._coarse, (halved + self._offset) & self._shifted

    def _difference(self, some: _Scales, others: _Scales) -> float:
        """Share of the samples that differ in both scales."""
        coarse, shifted = some[0] ^ others[0], some[1] ^ others[1]
        coarse |= coarse >> 2
        shifted |= shifted >> 1
        shifted |= shifted >> 2
        differs = (coarse | coarse >> 1) >> 1 & (shifted | shifted >> 2) & self._marks
        return differs.bit_count() / self._samples

    def _sampled(self, frame: VideoFrame) -> int:
        luma = frame.planes[0]
        rows = (ctypes.string_at(luma.pointer + row * luma.stride, self._width) for row in self._rows)
        return int.from_bytes(b"".join(rows), "little")
