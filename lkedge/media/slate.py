# lkedge: pure
"""A picture with words, shown while a source has nothing real to show."""

from __future__ import annotations

from collections.abc import Sequence

from lkedge.media.font import GLYPH_HEIGHT, GLYPH_WIDTH, GLYPHS

BACKGROUND = 40
TEXT = 235
NEUTRAL = 128

LINE_HEIGHT = GLYPH_HEIGHT + 4
"""Dots from one line to the next."""

USABLE_PART = 0.8
"""Of the width and the height, for the text."""


def draw_slate(width: int, height: int, lines: Sequence[str]) -> bytes:
    """A picture in I420, without padding: light text in the middle of a dark picture.

    width, height: even. lines: in capitals; characters that the font lacks become spaces, and
    what does not fit at the smallest scale is cut off.
    """
    scale = _scale(width, height, lines)
    luma = bytearray([BACKGROUND]) * (width * height)
    top = max(0, (height - (LINE_HEIGHT * len(lines) - 4) * scale) // 2)
    for number, line in enumerate(lines):
        _draw_line(luma, width, top + number * LINE_HEIGHT * scale, line.upper(), scale)
    return bytes(luma[: width * height]) + bytes([NEUTRAL]) * (width * height // 2)


def _scale(width: int, height: int, lines: Sequence[str]) -> int:
    """Pixels per dot; at least 1."""
    longest = max(map(len, lines), default=1) or 1
    fits_width = width * USABLE_PART / (longest * GLYPH_WIDTH)
    fits_height = height * USABLE_PART / (max(1, len(lines)) * LINE_HEIGHT)
    return max(1, int(min(fits_width, fits_height, height / (12 * GLYPH_HEIGHT))))


def _draw_line(luma: bytearray, width: int, top: int, line: str, scale: int) -> None:
    line = line[: width // (GLYPH_WIDTH * scale)]
    left = (width - len(line) * GLYPH_WIDTH * scale) // 2
    for row in range(GLYPH_HEIGHT):
        run = b"".join(_run(character, row, scale) for character in line)
        for copy in range(scale):
            begin = (top + row * scale + copy) * width + left
            luma[begin : begin + len(run)] = run


def _run(character: str, row: int, scale: int) -> bytes:
    dots = GLYPHS.get(character, GLYPHS[" "])[row] << 1
    return b"".join(
        bytes([TEXT if dots >> column & 1 else BACKGROUND]) * scale for column in reversed(range(GLYPH_WIDTH))
    )
