from __future__ import annotations

import math
from array import array

import pytest
from fake_alsa import values
from lkedge_alsa.resampler import RateConverter


def tone(rate: int, seconds: float, channels: int) -> bytes:
    step = 2 * math.pi * 500 / rate
    count = round(rate * seconds)
    return array("h", [round(10_000 * math.sin(step * i)) for i in range(count) for _ in range(channels)]).tobytes()


def converted(converter: RateConverter, sound: bytes, portion: int) -> bytes:
    return b"".join(converter.convert(sound[begin : begin + portion]) for begin in range(0, len(sound), portion))


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_keeps_its_pitch_loudness_and_time(rate: int, channels: int) -> None:
    portion = rate // 50 * 2 * channels
    result = values(converted(RateConverter(rate, channels), tone(rate, 0.5, channels), portion))[::channels]
    assert 0 <= 24_000 - len(result) < 200
    expected = values(tone(48_000, 0.5, 1))
    error = max(abs(a - b) for a, b in zip(result[500:23_000], expected[500:23_000], strict=True))
    assert error < 200, error


def test_portions_of_any_size_come_out_as_one() -> None:
    sound = tone(44_100, 0.2, 1)
    whole = converted(RateConverter(44_100, 1), sound, len(sound))
    parts = converted(RateConverter(44_100, 1), sound, 2 * 37)
    assert parts[: len(whole) - 400] == whole[: len(whole) - 400]


def test_nothing_gives_nothing() -> None:
    assert RateConverter(16_000, 1).convert(b"") == b""
