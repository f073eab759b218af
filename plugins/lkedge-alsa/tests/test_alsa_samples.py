from __future__ import annotations

import math
from array import array

import pytest
from fake_alsa import values
from lkedge_alsa.samples import FORMATS, pick_channels, to_16_bit
from lkedge_alsa.stretch import WINDOW, most, stretch


def packed(*numbers: int) -> bytes:
    return array("h", numbers).tobytes()


@pytest.mark.parametrize(
    ("sample_format", "data"),
    [
        ("S16_LE", b"\x34\x12\xff\xff"),
        ("S32_LE", b"\x99\x99\x34\x12\x00\x00\xff\xff"),
        ("S24_LE", b"\x99\x34\x12\x00\x00\xff\xff\xff"),
        ("S24_3LE", b"\x99\x34\x12\x00\xff\xff"),
    ],
)
def test_the_upper_16_bits_are_kept(sample_format: str, data: bytes) -> None:
    assert values(to_16_bit(data, sample_format)) == [0x1234, -1]


def test_every_format_has_a_test() -> None:
    assert set(FORMATS) == {"S16_LE", "S32_LE", "S24_LE", "S24_3LE"}


@pytest.mark.parametrize(
    ("present", "wanted", "mode", "result"),
    [
        (1, 1, "mix", [1, -2, 3, -4, 5, -6]),
        (2, 1, "mix", [-1, -1, -1]),
        (2, 1, "left", [1, 3, 5]),
        (2, 1, "right", [-2, -4, -6]),
        (2, 2, "left", [1, -2, 3, -4, 5, -6]),
        (1, 2, "mix", [1, 1, -2, -2, 3, 3, -4, -4, 5, 5, -6, -6]),
        (3, 1, "mix", [1, -4]),
        (3, 2, "mix", [1, -2, -4, 5]),
        (6, 1, "right", [-2]),
    ],
)
def test_channels(present: int, wanted: int, mode: str, result: list[int]) -> None:
    assert values(pick_channels(packed(1, -2, 3, -4, 5, -6), present, wanted, mode)) == result


def test_the_mean_does_not_overflow() -> None:
    assert values(pick_channels(packed(32767, 32767, -32768, -32768), 2, 1, "mix")) == [32767, -32768]


def sine(count: int, hertz: float, channels: int = 1) -> bytes:
    step = 2 * math.pi * hertz / 48_000
    return packed(*(round(20_000 * math.sin(step * index)) for index in range(count) for _ in range(channels)))


@pytest.mark.parametrize("change", [1, -1, 3, -3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_block_gets_samples_more_or_less(change: int, channels: int) -> None:
    before = sine(960, 440, channels)
    after = stretch(before, channels, change)
    assert len(after) - len(before) == 2 * channels * change
    edge = 2 * channels * 380
    assert (after[:edge], after[-edge:]) == (before[:edge], before[-edge:])


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("hertz", [100, 1000, 5000])
def test_it_makes_no_click(change: int, hertz: float) -> None:
    """The result is the sine with a phase that moves evenly by one sample within the window."""
    after = values(stretch(sine(960, hertz), 1, change))
    begin, length = (960 - WINDOW) // 2, WINDOW + change
    step = 2 * math.pi * hertz / 48_000
    for index, value in enumerate(after[begin : begin + length]):
        expected = 20_000 * math.sin(step * (begin + index * WINDOW / length))
        assert abs(value - expected) < 0.02 * 20_000


def test_loud_sound_does_not_wrap() -> None:
    square = packed(*([32767] * 7 + [-32768] * 7) * 70)
    assert all(-32768 <= value <= 32767 for value in values(stretch(square, 1, 1)))


def test_a_block_that_is_too_short_is_refused() -> None:
    assert [most(count) for count in (0, 3, 67, 68, 132, 960)] == [0, 0, 0, 1, 2, 14]
    with pytest.raises(ValueError, match="cannot be stretched"):
        stretch(bytes(2 * 67), 1, 1)
    assert len(stretch(bytes(2 * 68), 1, 1)) == 2 * 69
