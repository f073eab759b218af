from __future__ import annotations

from lkedge.terms import VideoQuality
from lkedge.testing.sfu_dynacast import DynacastTiming, QualityDemand

S = 1_000_000_000
LOW, MEDIUM, HIGH = VideoQuality


def demand(top: VideoQuality = HIGH) -> QualityDemand:
    made = QualityDemand(top, DynacastTiming())
    made.start(0)
    return made


def wanted(demand: QualityDemand, now_ns: int) -> list[VideoQuality] | None:
    told = demand.due(now_ns)
    return None if told is None else [quality for quality, enabled in told.items() if enabled]


def test_nobody_ever_means_off_after_ten_seconds() -> None:
    track = demand()
    assert wanted(track, 10 * S - 1) is None
    assert wanted(track, 10 * S) == []
    assert track.deadline_ns(11 * S) is None


def test_before_the_first_packet_nothing_is_said() -> None:
    assert wanted(QualityDemand(HIGH, DynacastTiming()), 100 * S) is None


def test_upgrades_are_told_at_once() -> None:
    track = demand()
    track.subscribe("a", LOW, S)
    assert wanted(track, S) == [LOW]
    track.subscribe("b", HIGH, 2 * S)
    assert wanted(track, 2 * S) == [LOW, MEDIUM, HIGH]


def test_downgrades_wait_and_may_be_cancelled() -> None:
    track = demand()
    track.subscribe("a", HIGH, 0)
    track.due(0)
    track.unsubscribe("a", S)
    assert wanted(track, 6 * S - 1) is None
    track.subscribe("a", HIGH, 4 * S)
    assert wanted(track, 6 * S) == [LOW, MEDIUM, HIGH]
    track.unsubscribe("a", 10 * S)
    assert wanted(track, 15 * S) == []


def test_demand_is_cut_to_the_layers_there_are() -> None:
    track = demand(MEDIUM)
    track.subscribe("a", HIGH, 0)
    assert wanted(track, 0) == [LOW, MEDIUM]


def test_nothing_while_muted_and_all_again_after() -> None:
    track = demand()
    track.subscribe("a", LOW, 0)
    track.due(0)
    track.set_muted(True)
    track.subscribe("a", HIGH, S)
    assert wanted(track, S) is None
    track.set_muted(False)
    assert wanted(track, 2 * S) == [LOW, MEDIUM, HIGH]


def test_told_again_after_a_resume() -> None:
    track = demand()
    assert wanted(track, 10 * S) == []
    track.restart(20 * S)
    assert wanted(track, 29 * S) is None
    assert wanted(track, 30 * S) == []
