# lkedge: pure
"""The machine-readable strip in the first two rows of the test picture.

A picture has a grid of 40 columns and 22.5 rows. Each of the first two rows of cells
carries a number of 32 bits: the frame counter, and the capture time in Unix milliseconds.
A row is 4 sync cells (1 0 1 0), 32 data bits with the most significant first, and 4 check
bits: the XOR of the eight nibbles.
"""

from __future__ import annotations

from itertools import pairwise

COLUMNS = 40
ROWS = 22.5
STRIP_ROWS = 2
WHITE = 235
BLACK = 16
NEUTRAL = 128

SYNC = 0b1010
MODULUS = 1 << 32


def column_edge(column: int, width: int) -> int:
    """The first pixel column of a cell."""
    return round(column * width / COLUMNS)


def row_edge(row: int, height: int) -> int:
    """The first pixel row of a cell."""
    return round(row * height / ROWS)


def check_bits(number: int) -> int:
    """The XOR of the eight nibbles."""
    for shift in (16, 8, 4):
        number ^= number >> shift
    return number & 0xF


def cells(number: int) -> int:
    """The 40 cells of a row as bits, the leftmost cell most significant; `number` is taken modulo 2^32."""
    number %= MODULUS
    return SYNC << 36 | number << 4 | check_bits(number)


def number_of(bits: int) -> int | None:
    """The number of 40 cells, or None when sync or check bits do not fit."""
    number = bits >> 4 & (MODULUS - 1)
    return number if bits == cells(number) else None


class StripPainter:
    """Makes the luma rows of the strip for one picture width."""

    def __init__(self, width: int) -> None:
        edges = [column_edge(column, width) for column in range(COLUMNS + 1)]
        self._runs = [
            (bytes([BLACK]) * (right - left), bytes([WHITE]) * (right - left)) for left, right in pairwise(edges)
        ]

    def row(self, number: int) -> bytes:
        """One pixel row, `width` bytes."""
        bits = cells(number)
        return b"".join(run[bits >> (COLUMNS - 1 - index) & 1] for index, run in enumerate(self._runs))
