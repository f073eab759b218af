from __future__ import annotations

import pytest

from lkedge.media.font import GLYPH_WIDTH, GLYPHS
from lkedge.media.slate import BACKGROUND, NEUTRAL, TEXT, draw_slate


def rows(picture: bytes, width: int, height: int) -> list[bytes]:
    return [picture[y * width : (y + 1) * width] for y in range(height)]


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (320, 180), (64, 48), (16, 16)])
def test_a_slate_is_one_picture_in_i420(width: int, height: int) -> None:
    picture = draw_slate(width, height, ["no signal", "HDMI 1"])

    assert len(picture) == width * height * 3 // 2
    assert set(picture[width * height :]) == {NEUTRAL}
    assert set(picture[: width * height]) <= {BACKGROUND, TEXT}


def test_the_words_are_in_the_middle() -> None:
    lit = [y for y, row in enumerate(rows(draw_slate(640, 360, ["no signal"]), 640, 360)) if TEXT in row]

    assert 360 * 0.4 < lit[0] < lit[-1] < 360 * 0.6
    for y in lit:
        row = rows(draw_slate(640, 360, ["no signal"]), 640, 360)[y]
        assert row.index(TEXT) > 640 * 0.1
        assert row.rindex(TEXT) < 640 * 0.9


def test_different_words_are_different_pictures() -> None:
    assert draw_slate(320, 180, ["no signal"]) != draw_slate(320, 180, ["no cable"])
    assert draw_slate(320, 180, ["a"]) == draw_slate(320, 180, ["A"])


def test_words_can_be_read_back() -> None:
    picture = rows(draw_slate(84, 84, ["T"]), 84, 84)
    lit = [row for row in picture if TEXT in row]
    left = (84 - GLYPH_WIDTH) // 2
    dots = [sum((row[left + bit] == TEXT) << (4 - bit) for bit in range(5)) for row in lit]

    assert tuple(dots) == GLYPHS["T"]


def test_what_does_not_fit_is_cut_off() -> None:
    assert len(draw_slate(32, 16, ["a very long line of words", *["more"] * 9])) == 32 * 16 * 3 // 2


def test_no_words_are_an_empty_picture() -> None:
    assert set(draw_slate(32, 16, [])[: 32 * 16]) == {BACKGROUND}
