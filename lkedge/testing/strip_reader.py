"""Reads the strip of the test picture back from a decoded one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lkedge.builtin.strip import COLUMNS, STRIP_ROWS, column_edge, number_of, row_edge

MIN_CONTRAST = 60
INNER = 0.4
"""The share of a cell, around its centre, that is looked at."""

Luma = npt.NDArray[np.uint8]


def read_strip(luma: Luma) -> tuple[int, int] | None:
    """Frame counter and capture time (Unix milliseconds), both modulo 2^32; None when unreadable.

    luma: (height, width), uint8, of any size.
    """
    numbers = [_read_row(luma, row) for row in range(STRIP_ROWS)]
    counter, unix_ms = numbers
    return None if counter is None or unix_ms is None else (counter, unix_ms)


def read_strip_of(frame: Any) -> tuple[int, int] | None:
    """As `read_strip`, of an av.VideoFrame in a planar YUV format."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return read_strip(rows[: frame.height, : frame.width])


def age_ms(unix_ms: int, now_ms: int) -> int:
    """How long ago that capture time was, across the wrap at 2^32."""
    return (now_ms - unix_ms + (1 << 31)) % (1 << 32) - (1 << 31)


def _read_row(luma: Luma, row: int) -> int | None:
    height, width = luma.shape
    top, bottom = _inner(row_edge(row, height), row_edge(row + 1, height))
    edges = (_inner(column_edge(column, width), column_edge(column + 1, width)) for column in range(COLUMNS))
    cells = [luma[top:bottom, left:right] for left, right in edges]
    if not all(cell.size for cell in cells):
        # Smaller than its strip has columns or rows.
        return None
    means = [float(cell.mean()) for cell in cells]
    white, black = (means[0] + means[2]) / 2, (means[1] + means[3]) / 2
    if white - black < MIN_CONTRAST:
        return None
    bits = 0
    for mean in means:
        bits = bits << 1 | (mean > (white + black) / 2)
    return number_of(bits)


def _inner(begin: int, end: int) -> tuple[int, int]:
    """The middle of a range, at least one pixel wide."""
    margin = (end - begin) * (1 - INNER) / 2
    first = round(begin + margin)
    return first, max(first + 1, round(end - margin))
