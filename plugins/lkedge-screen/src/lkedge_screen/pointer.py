# lkedge: pure
"""Paints the mouse pointer into a picture of four bytes per pixel."""

from __future__ import annotations

import struct

from lkedge_screen.region import Region
from lkedge_screen.x11_wire import Cursor

OPAQUE = 255


def paint(picture: memoryview, stride: int, region: Region, cursor: Cursor) -> None:
    """Blend the pointer in, as far as it is within the region.

    picture: bytes, blue first; `stride` of them from row to row. Colours of the pointer are premultiplied.
    """
    pixels = memoryview(cursor.pixels).cast("I")
    for row in range(cursor.height):
        y = cursor.top - region.top + row
        if 0 <= y < region.height:
            _paint_row(picture, y * stride, region, cursor, pixels[row * cursor.width : (row + 1) * cursor.width])


def _paint_row(picture: memoryview, start: int, region: Region, cursor: Cursor, row: memoryview[int]) -> None:
    left = cursor.left - region.left
    for column, argb in enumerate(row):
        alpha = argb >> 24
        if not alpha or not 0 <= left + column < region.width:
            continue
        at = start + 4 * (left + column)
        colours = struct.pack("<I", argb)[:3]
        if alpha != OPAQUE:
            rest = OPAQUE - alpha
            colours = bytes(min(OPAQUE, new + picture[at + i] * rest // OPAQUE) for i, new in enumerate(colours))
        picture[at : at + 3] = colours
