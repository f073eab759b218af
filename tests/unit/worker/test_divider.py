from __future__ import annotations

import random
from itertools import pairwise

import pytest

from lkedge.clock import SECOND_NS
from lkedge.worker.divider import FrameRateDivider


def taken(wanted: float, source: float, times: list[int]) -> list[int]:
    divider = FrameRateDivider(wanted, source)
    return [time for time in times if divider.take(time)]


def steady(rate: float, seconds: int = 10) -> list[int]:
    return [round(index * SECOND_NS / rate) for index in range(round(rate * seconds))]


@pytest.mark.parametrize(
    ("source", "wanted"), [(30, 20), (30, 15), (30, 10), (60, 30), (60, 20), (25, 15), (30, 29), (29.97, 20)]
)
def test_rate_is_what_was_asked_for(source: float, wanted: float) -> None:
    assert len(taken(wanted, source, steady(source))) == pytest.approx(wanted * 10, rel=0.02)


@pytest.mark.parametrize("wanted", [30, 60, 0])
def test_everything_is_taken_from_a_source_that_is_not_faster(wanted: float) -> None:
    times = steady(30)
    assert taken(wanted, 30, times) == times


def test_unknown_source_rate_still_limits() -> None:
    assert len(taken(10, 0, steady(50))) == pytest.approx(100, rel=0.05)


def test_half_rate_is_even() -> None:
    times = taken(15, 30, steady(30))
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert max(steps) - min(steps) <= 2


def test_jitter_neither_adds_nor_loses() -> None:
    generator = random.Random(3)
    times = [time + generator.randrange(-4_000_000, 4_000_000) for time in steady(30)]
    assert len(taken(15, 30, times)) == pytest.approx(150, rel=0.03)


def test_no_burst_after_a_gap() -> None:
    times = [*steady(30, 1), *(time + 60 * SECOND_NS for time in steady(30, 1))]
    assert len(taken(10, 30, times)) == pytest.approx(20, abs=1)
