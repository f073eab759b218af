"""Rates from counters."""

from lkedge.clock import SECOND_NS
from lkedge.publish.meter import RateMeter


def test_no_rate_without_two_readings() -> None:
    meter = RateMeter()
    meter.update(0, 1000, 1)
    assert (meter.bitrate, meter.framerate) == (0, 0.0)


def test_rate_over_the_window() -> None:
    meter = RateMeter()
    for half_second in range(7):
        meter.update(half_second * SECOND_NS // 2, half_second * 1000, half_second * 15)
    assert (meter.bitrate, meter.framerate) == (16_000, 30.0)


def test_a_pause_shows_as_zero_after_the_window() -> None:
    meter = RateMeter()
    for half_second in range(3):
        meter.update(half_second * SECOND_NS // 2, half_second * 1000, 0)
    for half_second in range(3, 6):
        meter.update(half_second * SECOND_NS // 2, 2000, 0)
    assert meter.bitrate == 0
