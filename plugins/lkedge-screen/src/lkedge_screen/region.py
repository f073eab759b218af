# lkedge: pure
"""Which part of a screen is captured."""

from __future__ import annotations

import re
from typing import NamedTuple

from lkedge.errors import SourceUnavailable

SHAPE = re.compile(r"(\d{1,5})x(\d{1,5})(?:\+(\d{1,5})\+(\d{1,5}))?")
SMALLEST = 16


class Region(NamedTuple):
    """In pixels; width and height are even, as 4:2:0 needs them."""

    left: int
    top: int
    width: int
    height: int


def region_of(text: str, width: int, height: int) -> Region:
    """The wanted part of a screen of this size; an odd last row or column is left out.

    text: "WIDTHxHEIGHT+LEFT+TOP" or "WIDTHxHEIGHT", or "" for all.

    Raises:
        SourceUnavailable: it is no region, or not within the screen.
    """
    if not text:
        return _even(Region(0, 0, width, height))
    match = SHAPE.fullmatch(text)
    if match is None:
        raise SourceUnavailable(f'screen: region "{text}" is none: write WIDTHxHEIGHT+LEFT+TOP, such as 1280x720+0+0')
    wide, high, left, top = (int(number or 0) for number in match.groups())
    if min(wide, high) < SMALLEST or left + wide > width or top + high > height:
        raise SourceUnavailable(
            f'screen: region "{text}" is not within the screen of {width}x{height}, or smaller than '
            f"{SMALLEST}x{SMALLEST}: choose another"
        )
    return _even(Region(left, top, wide, high))


def _even(region: Region) -> Region:
    return region._replace(width=region.width & ~1, height=region.height & ~1)
