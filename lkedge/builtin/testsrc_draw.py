# lkedge: pure
"""What the test picture looks like: colour bars, a running band, a ball, a counter and a clock.

A picture is one block of memory in I420. Everything that never changes is in a background
that each block starts with; a frame then rewrites a few runs of rows.
"""

from __future__ import annotations

from lkedge.builtin.strip import BLACK, NEUTRAL, STRIP_ROWS, WHITE, StripPainter, row_edge
from lkedge.builtin.testsrc_text import TextPainter

BARS_75 = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
)
"""SMPTE bars at 75 %: white, yellow, cyan, green, magenta, red, blue, as Y, Cb, Cr (BT.601)."""

BAND_STEP = 4
"""Pixels the band runs per frame; even, for its chroma."""


class TestPicture:
    """Draws frames of one size into blocks of memory. Belongs to one thread."""

    __test__ = False

    def __init__(self, width: int, height: int) -> None:
        """width, height: even, at least 160 x 90."""
        self._width = width
        self._height = height
        self._u = width * height
        self._v = self._u + self._u // 4
        self._strip = StripPainter(width)
        self._strip_edges = [row_edge(row, height) for row in range(STRIP_ROWS + 1)]
        self._text = TextPainter(max(1, min(width // 90, height // 120)))
        self._text_left = _even((width - self._text.width) / 2)
        self._text_top = _even(height * 0.40)
        self._band_top = _even(height * 0.80)
        self._band_rows = _even(height * 0.12)
        self._band = _band_texture(width)
        self._ball_rows = _circle(_even(height / 12))
        self.background = self._draw_background()

    def set_label(self, text: str) -> None:
        """Show this line under the clock, nothing for "": makes another `background`, for fresh blocks.

        text: something that `can_show` says yes to.
        """
        memory = bytearray(self._draw_background())
        if text:
            top = self._text_top + self._text.height * 3
            self._text_box(memory, self._text.height * 4)
            self._draw_text(memoryview(memory), top, text.upper())
        self.background = bytes(memory)

    def draw(
        self, memory: memoryview, ball_before: int | None, counter: int, travel: float, unix_ms: int, clock: str
    ) -> int:
        """Make the next frame in a block that holds the background or an earlier frame.

        Args:
            ball_before: what the last call for this block returned; None for a fresh one.
            travel: how far the ball has come, in frames of its usual speed.
            clock: at most 12 characters of "0123456789:. ".

        Returns:
            Where the ball is, for the next call with this block.
        """
        self._draw_strip(memory, 0, counter)
        self._draw_strip(memory, 1, unix_ms)
        self._draw_band(memory, counter)
        if ball_before is not None:
            self._erase_ball(memory, ball_before)
        ball = self._ball_position(travel)
        self._draw_ball(memory, ball)
        self._draw_text(memory, self._text_top, f"{counter % 10**8:08}")
        self._draw_text(memory, self._text_top + self._text.height * 3 // 2, clock)
        return ball

    def _draw_strip(self, memory: memoryview, row: int, number: int) -> None:
        top, bottom = self._strip_edges[row], self._strip_edges[row + 1]
        memory[top * self._width : bottom * self._width] = self._strip.row(number) * (bottom - top)

    def _draw_band(self, memory: memoryview, counter: int) -> None:
        shift = counter * BAND_STEP % self._width
        luma, cb, cr = self._band
        self._fill_rows(memory, 0, self._width, self._band_top, self._band_rows, luma[shift : shift + self._width])
        half = self._width // 2
        for base, texture in ((self._u, cb), (self._v, cr)):
            row = texture[shift // 2 : shift // 2 + half]
            self._fill_rows(memory, base, half, self._band_top // 2, self._band_rows // 2, row)

    @staticmethod
    def _fill_rows(memory: memoryview, base: int, stride: int, top: int, count: int, row: bytes) -> None:
        begin = base + top * stride
        memory[begin : begin + count * stride] = row * count

    def _ball_position(self, travel: float) -> int:
        """Offset of the top left corner in the luma plane; the ball bounces above the text."""
        size = len(self._ball_rows)
        top_edge = _even(self._strip_edges[-1] + 1)
        x = _bounce(int(travel * 6), self._width - size)
        y = _bounce(int(travel * 2), self._text_top - self._text.margin - size - top_edge - 2)
        return (top_edge + y) * self._width + x

    def _draw_ball(self, memory: memoryview, ball: int) -> None:
        for left, run in self._ball_rows:
            begin = ball + left
            memory[begin : begin + len(run)] = run
            ball += self._width

    def _erase_ball(self, memory: memoryview, ball: int) -> None:
        background = self.background
        for left, run in self._ball_rows:
            begin = ball + left
            memory[begin : begin + len(run)] = background[begin : begin + len(run)]
            ball += self._width

    def _draw_text(self, memory: memoryview, top: int, text: str) -> None:
        position = top * self._width + self._text_left
        for row in self._text.rows(text):
            for _ in range(self._text.scale):
                memory[position : position + len(row)] = row
                position += self._width

    def _draw_background(self) -> bytes:
        bars = [_bar(x * len(BARS_75) // self._width) for x in range(self._width)]
        luma = bytes(bar[0] for bar in bars) * self._height
        cb = bytes(bar[1] for bar in bars[::2]) * (self._height // 2)
        cr = bytes(bar[2] for bar in bars[::2]) * (self._height // 2)
        memory = bytearray(luma + cb + cr)
        self._box(memory, 0, 0, self._width, self._strip_edges[-1])
        self._text_box(memory, self._text.height * 5 // 2)
        return bytes(memory)

    def _text_box(self, memory: bytearray, height: int) -> None:
        """A black rectangle that begins a margin above the text and ends a margin below its `height`."""
        margin, width = self._text.margin, self._text.width
        top, left = self._text_top - margin, self._text_left - margin
        self._box(memory, left, top, width + 2 * margin, height + 2 * margin)

    def _box(self, memory: bytearray, left: int, top: int, width: int, height: int) -> None:
        """A black rectangle."""
        half = self._width // 2
        for y in range(top, top + height):
            begin = y * self._width + left
            memory[begin : begin + width] = bytes([BLACK]) * width
        for base in (self._u, self._v):
            for y in range(top // 2, (top + height + 1) // 2):
                begin = base + y * half + left // 2
                memory[begin : begin + width // 2] = bytes([NEUTRAL]) * (width // 2)


def _bar(index: int) -> tuple[int, int, int]:
    return BARS_75[min(index, len(BARS_75) - 1)]


def _band_texture(width: int) -> tuple[bytes, bytes, bytes]:
    """Two widths of a triangle ramp in luma and chroma, so that any shift is one slice."""
    luma = bytes(40 + abs(x * 360 // width - 180) for x in range(width)) * 2
    half = width // 2
    cb = bytes(64 + abs(x * 256 // half - 128) for x in range(half)) * 2
    return luma, cb, cb[half // 2 : half] + cb[: half // 2] + cb[half // 2 : half] + cb[: half // 2]


def _circle(diameter: int) -> list[tuple[int, bytes]]:
    """For each row of a white disc: where it begins, and its run of luma."""
    radius = diameter / 2
    rows = []
    for y in range(diameter):
        half = int((radius**2 - (y + 0.5 - radius) ** 2) ** 0.5)
        rows.append((int(radius) - half, bytes([WHITE]) * (2 * half)))
    return rows


def _bounce(distance: int, limit: int) -> int:
    """To and fro between 0 and `limit`."""
    limit = max(1, limit)
    position = distance % (2 * limit)
    return min(position, 2 * limit - position)


def _even(value: float) -> int:
    return int(value / 2) * 2
