from __future__ import annotations

import numpy as np
import pytest

from lkedge.builtin.strip import StripPainter, cells, check_bits, column_edge, number_of, row_edge
from lkedge.testing.strip_reader import age_ms, read_strip

SIZES = [(1280, 720), (640, 360), (320, 180), (160, 90), (640, 480), (720, 1280), (1918, 1078)]


def painted(width: int, height: int, counter: int, unix_ms: int) -> np.ndarray:
    luma = np.full((height, width), 120, np.uint8)
    painter = StripPainter(width)
    for row, number in enumerate((counter, unix_ms)):
        luma[row_edge(row, height) : row_edge(row + 1, height)] = np.frombuffer(painter.row(number), np.uint8)
    return luma


@pytest.mark.parametrize("number", [0, 1, 0xFFFFFFFF, 0x12345678, 1 << 31])
def test_cells_give_the_number_back(number: int) -> None:
    assert number_of(cells(number)) == number


def test_check_bits_are_the_xor_of_the_nibbles() -> None:
    assert check_bits(0x12345678) == 1 ^ 2 ^ 3 ^ 4 ^ 5 ^ 6 ^ 7 ^ 8
    assert cells(0x12345678) == 0xA_12345678_8


def test_number_wraps_at_32_bits() -> None:
    assert cells((1 << 32) + 5) == cells(5)


@pytest.mark.parametrize("bit", range(40))
def test_any_flipped_bit_is_noticed(bit: int) -> None:
    assert number_of(cells(0xCAFE) ^ 1 << bit) is None


def test_grid_of_a_720p_picture() -> None:
    assert [column_edge(column, 1280) for column in (0, 1, 39, 40)] == [0, 32, 1248, 1280]
    assert [row_edge(row, 720) for row in (0, 1, 2)] == [0, 32, 64]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_painted_strip_is_read_at_any_size(width: int, height: int) -> None:
    assert read_strip(painted(width, height, 123456, 0xFEDCBA98)) == (123456, 0xFEDCBA98)


def test_strip_survives_blur_and_noise() -> None:
    noise = np.random.default_rng(1).integers(-30, 30, (180, 320))
    luma = painted(320, 180, 77, 88).astype(int)
    blurred = (luma + np.roll(luma, 1, 1) + np.roll(luma, -1, 1)) // 3
    assert read_strip(np.clip(blurred + noise, 0, 255).astype(np.uint8)) == (77, 88)


def test_picture_without_contrast_or_strip_is_unreadable() -> None:
    assert read_strip((painted(320, 180, 1, 2) // 5).astype(np.uint8)) is None
    assert read_strip(np.full((180, 320), 128, np.uint8)) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (2, 16), (8, 30), (9, 160), (180, 20)])
def test_a_picture_smaller_than_its_strip_is_unreadable(shape: tuple[int, int]) -> None:
    assert read_strip(np.full(shape, 200, np.uint8)) is None


def test_age_across_the_wrap() -> None:
    assert age_ms(0xFFFFFFF0, (1 << 32) + 16) == 32
    assert age_ms(20, 10) == -10
