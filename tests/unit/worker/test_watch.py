from __future__ import annotations

import pytest

from lkedge.clock import SECOND_NS
from lkedge.worker.events import SourceState, WorkerStats
from lkedge.worker.watch import StallWatch


def stats(captured: int, state: SourceState) -> WorkerStats:
    return WorkerStats(captured=captured, source=state)


def watch_with_reports(state: SourceState, until_s: int, stall_after_s: float = 3.0) -> StallWatch:
    """A worker that reports each second and captures nothing new."""
    watch = StallWatch(stall_after_s, 0)
    for second in range(until_s + 1):
        watch.take(stats(10, state), second * SECOND_NS)
    return watch


@pytest.mark.parametrize(
    ("state", "second", "expected"),
    [
        (SourceState.OPEN, 3, ""),
        (SourceState.OPEN, 4, "delivered nothing for 4.0 s"),
        (SourceState.OPENING, 9, ""),
        (SourceState.OPENING, 11, "did not open within 11 s"),
        (SourceState.WAITING, 60, ""),
        (SourceState.FINISHED, 60, ""),
    ],
)
def test_verdict_of_a_worker_that_reports(state: SourceState, second: int, expected: str) -> None:
    assert expected in watch_with_reports(state, second).verdict(second * SECOND_NS)
    assert bool(expected) == bool(watch_with_reports(state, second).verdict(second * SECOND_NS))


def test_a_slow_start_is_no_silence() -> None:
    watch = StallWatch(3.0, 0)
    assert watch.verdict(39 * SECOND_NS) == ""
    assert "did not start within 41 s" in watch.verdict(41 * SECOND_NS)


def test_opening_counts_from_the_first_report() -> None:
    watch = StallWatch(3.0, 0)
    watch.take(stats(0, SourceState.OPENING), 20 * SECOND_NS)
    assert watch.verdict(24 * SECOND_NS) == ""
    watch.take(stats(0, SourceState.OPENING), 31 * SECOND_NS)
    assert "did not open within 11 s" in watch.verdict(31 * SECOND_NS)


def test_frames_are_progress() -> None:
    watch = watch_with_reports(SourceState.OPEN, 3)
    watch.hear(6 * SECOND_NS)
    assert watch.verdict(8 * SECOND_NS) == ""


def test_silent_worker_is_found() -> None:
    watch = watch_with_reports(SourceState.WAITING, 1)
    assert "not been heard of" in watch.verdict(7 * SECOND_NS)


def test_nothing_is_expected_while_the_source_is_not_wanted() -> None:
    watch = watch_with_reports(SourceState.OPEN, 1)
    watch.want(False, SECOND_NS)
    watch.take(stats(10, SourceState.CLOSED), 2 * SECOND_NS)
    assert watch.verdict(1000 * SECOND_NS) == ""
    watch.want(True, 1000 * SECOND_NS)
    assert watch.verdict(1002 * SECOND_NS) == ""


def test_a_source_that_is_not_released_is_found() -> None:
    watch = watch_with_reports(SourceState.OPEN, 100)
    watch.want(False, 100 * SECOND_NS)
    assert watch.verdict(109 * SECOND_NS) == ""
    assert "not released within 11 s" in watch.verdict(111 * SECOND_NS)


def test_a_source_that_is_opened_for_a_snapshot_is_given_its_time() -> None:
    watch = watch_with_reports(SourceState.OPEN, 1)
    watch.want(False, SECOND_NS)
    watch.take(stats(10, SourceState.CLOSED), 2 * SECOND_NS)
    watch.lend(1000 * SECOND_NS)
    watch.take(stats(20, SourceState.OPEN), 1001 * SECOND_NS)
    assert watch.verdict(1009 * SECOND_NS) == ""
    assert "not released within 11 s" in watch.verdict(1011 * SECOND_NS)
