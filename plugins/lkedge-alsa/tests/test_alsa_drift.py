"""The clock logic on simulated cards: drift, jitter, overruns, samples that come and go without word."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from lkedge_alsa.drift import AS_IT_IS, MAX_RATE, Adjustment, SampleClock

MS = 1_000_000
SECOND = 1000 * MS
PERIOD = 960


class Card:
    """Delivers periods of 960 samples; its crystal is `ppm` too fast. late: how late a time is read."""

    def __init__(self, ppm: float, late: Callable[[], int] = lambda: 0, rate: int = 48_000) -> None:
        self.clock = SampleClock(rate)
        self.rate = rate
        self.late = late
        self.ppm = ppm
        self.captured_ns = 500.0 * SECOND
        """The true time of the end of the latest period."""
        while not self.clock.is_settled:
            self.clock.settle(PERIOD, self.tick())

    def tick(self) -> int:
        self.captured_ns += PERIOD * SECOND / self.rate / (1 + self.ppm * 1e-6)
        return round(self.captured_ns) + self.late()

    def run(self, seconds: float) -> list[Adjustment]:
        blocks = round(seconds * self.rate / PERIOD)
        return [self.clock.take(PERIOD, self.tick(), max_change=14) for _ in range(blocks)]

    @property
    def error_ms(self) -> float:
        """How far the timeline is behind the truth."""
        return (self.captured_ns - self.clock.position_ns) / MS


def inserted(adjustments: list[Adjustment]) -> int:
    return sum(adjustment.change for adjustment in adjustments)


def test_a_good_crystal_needs_nothing() -> None:
    assert set(Card(0).run(60)) == {AS_IT_IS}


@pytest.mark.parametrize("ppm", [-500, -200, -20, 20, 200, 500])
@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000])
def test_drift_is_followed_within_the_bound_and_then_vanishes(ppm: float, rate: int) -> None:
    card = Card(ppm, rate=rate)
    worst = 0.0
    for _ in range(60):
        card.run(1)
        worst = max(worst, abs(card.error_ms))
    assert worst < 10
    card.run(180)
    assert abs(card.error_ms) < 0.2
    assert card.clock.correction_ppm == pytest.approx(-ppm, abs=10)


def test_single_samples_are_inserted_at_the_rate_of_the_drift() -> None:
    card = Card(-200)
    card.run(240)
    adjustments = card.run(60)
    assert inserted(adjustments) == pytest.approx(60 * 48_000 * 200e-6, rel=0.05)
    assert {adjustment.change for adjustment in adjustments} == {0, 1}


def test_late_readings_are_not_taken_for_drift() -> None:
    chance = random.Random(1)
    card = Card(100, lambda: round(min(300 * MS, chance.expovariate(1) * 8 * MS)))
    errors = []
    for _ in range(300):
        card.run(1)
        errors.append(abs(card.error_ms))
    assert max(errors) < 10
    assert max(errors[120:]) < 3


def test_beyond_the_bound_time_is_held_by_steps() -> None:
    card = Card(-5000)
    card.run(600)
    assert abs(card.error_ms) < 150


def test_the_rate_is_bounded() -> None:
    card = Card(-5000)
    assert inserted(card.run(60)) <= 60 * 48_000 * MAX_RATE + 2


@pytest.mark.parametrize("lost_ms", [40, 500, 90_000])
def test_an_overrun_becomes_a_gap(lost_ms: int) -> None:
    card = Card(0)
    card.run(5)
    card.captured_ns += lost_ms * MS

    adjustment = card.clock.take(PERIOD, card.tick(), after_gap=True)

    assert adjustment == Adjustment(gap=lost_ms * 48)
    assert card.error_ms == pytest.approx(0, abs=0.1)
    assert set(card.run(20)) == {AS_IT_IS}


def test_an_overrun_that_lost_nothing_is_no_gap() -> None:
    card = Card(0)
    card.run(5)
    card.captured_ns -= 1 * MS
    assert card.clock.take(PERIOD, card.tick(), after_gap=True).gap == 0


def test_samples_lost_without_word_are_found() -> None:
    card = Card(0)
    card.run(5)
    card.captured_ns += 300 * MS
    adjustments = card.run(6)
    assert [adjustment.gap for adjustment in adjustments if adjustment.gap] == [pytest.approx(300 * 48, abs=48)]
    assert abs(card.error_ms) < 1


def test_samples_that_are_too_many_are_discarded() -> None:
    card = Card(0)
    card.run(5)
    card.captured_ns -= 300 * MS
    adjustments = card.run(6)
    assert sum(adjustment.discard for adjustment in adjustments) == pytest.approx(300 * 48, abs=48)
    assert max(adjustment.discard for adjustment in adjustments) == PERIOD
    assert abs(card.error_ms) < 1


def test_a_pause_of_the_worker_is_no_step() -> None:
    """The blocks that waited in the card come late, then in time again."""
    late = iter([150 * MS, 130 * MS, 110 * MS, 90 * MS, 60 * MS])
    card = Card(0)
    card.run(5)
    card.late = lambda: next(late, 0)
    assert set(card.run(10)) == {AS_IT_IS}


def test_a_correction_waits_for_a_block_that_is_long_enough() -> None:
    card = Card(-500)
    card.run(120)
    held = [card.clock.take(PERIOD, card.tick(), max_change=0) for _ in range(50)]
    assert set(held) == {AS_IT_IS}
    assert inserted(card.run(1)) > 0


def test_an_overrun_while_it_settles_begins_anew() -> None:
    clock = SampleClock(48_000)
    clock.settle(PERIOD, SECOND)
    clock.settle(PERIOD, SECOND + 600 * MS, after_gap=True)
    for number in range(1, 5):
        assert not clock.is_settled
        clock.settle(PERIOD, SECOND + (600 + 20 * number) * MS)
    assert clock.is_settled
    assert clock.position_ns == SECOND + 680 * MS


def test_the_start_is_that_of_the_earliest_evidence() -> None:
    late = iter([12 * MS, 9 * MS, 3 * MS, 7 * MS])
    card = Card(0, lambda: next(late, 5 * MS))
    assert card.error_ms == pytest.approx(-3, abs=0.01)
