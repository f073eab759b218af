"""NTP and RTP arithmetic, and the mapping that a clock step cannot break."""

import itertools

import pytest

from lkedge.clock import MILLISECOND_NS, SECOND_NS, WallClock, ntp_timestamp, rtp_timestamp


def test_ntp_epoch_and_fraction() -> None:
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_timestamp(SECOND_NS // 2) & 0xFFFFFFFF == 1 << 31


def test_ntp_wraps_with_the_era() -> None:
    era_end_s = (1 << 32) - 2_208_988_800
    assert ntp_timestamp(era_end_s * SECOND_NS) == 0


@pytest.mark.parametrize(("rate", "step"), [(90_000, 1800), (48_000, 960)])
def test_twenty_milliseconds_are_always_the_same_step(rate: int, step: int) -> None:
    start = 123_456_789_012_345
    stamps = [rtp_timestamp(start + n * 20 * MILLISECOND_NS, rate, 77) for n in range(200)]
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {step}


def test_rtp_timestamp_wraps() -> None:
    assert rtp_timestamp(SECOND_NS, 90_000, 0xFFFFFFFF) == 89_999


def test_small_differences_are_slewed() -> None:
    wall = WallClock(0, 0)
    wall.update(SECOND_NS, SECOND_NS + 100 * MILLISECOND_NS)
    assert wall.wall_ns(SECOND_NS) == SECOND_NS + MILLISECOND_NS


def test_large_differences_are_stepped() -> None:
    wall = WallClock(0, 0)
    wall.update(SECOND_NS, 3600 * SECOND_NS)
    assert wall.wall_ns(SECOND_NS) == 3600 * SECOND_NS
