# lkedge: pure
"""The characters of the test picture: lines of twelve, five by seven dots each."""

from __future__ import annotations

from lkedge.builtin.strip import BLACK, WHITE
from lkedge.media.font import GLYPH_HEIGHT, GLYPH_WIDTH, GLYPHS

TEXT_CELLS = 12
"""Characters in a line: "14:03:27.123"."""


def can_show(text: str) -> bool:
    """Whether it fits into one line, letters in upper case."""
    return len(text) <= TEXT_CELLS and all(character in GLYPHS for character in text.upper())


class TextPainter:
    """Lines of 12 characters as runs of luma."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.width = TEXT_CELLS * GLYPH_WIDTH * scale
        self.height = GLYPH_HEIGHT * scale
        self.margin = 2 * scale
        self._glyphs = {character: [self._run(row) for row in rows] for character, rows in GLYPHS.items()}

    def rows(self, text: str) -> list[bytes]:
        """The seven rows of dots of a line, centred; each is to be repeated `scale` times."""
        glyphs = [self._glyphs[character] for character in text.center(TEXT_CELLS)]
        return [b"".join(glyph[row] for glyph in glyphs) for row in range(GLYPH_HEIGHT)]

    def _run(self, row: int) -> bytes:
        dots = (WHITE if row << 1 >> column & 1 else BLACK for column in reversed(range(GLYPH_WIDTH)))
        return b"".join(bytes([dot]) * self.scale for dot in dots)
