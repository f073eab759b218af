from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import pytest

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.publish import live_source
from lkedge.publish.live_source import MAX_WAITING, LiveSource
from lkedge.worker.events import ControlRefused, ControlSet, ControlsListed, SourceCondition, WorkerDied, WorkerStats

GAIN = Control("gain", ControlKind.NUMBER, 1.0, 1.0, 1.0, 16.0)


class Worker:
    """Takes requests; the test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ControlValue]] = []
        self.error: Exception | None = None

    def set_control(self, name: str, value: ControlValue) -> int:
        if self.error:
            raise self.error
        self.asked.append((name, value))
        return len(self.asked)


class Track:
    def __init__(self) -> None:
        self.worker = Worker()
        self.changes = 0
        self.live = LiveSource("front", self.worker, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def asking(self, name: str = "gain", value: ControlValue = 2.0) -> asyncio.Task[Control]:
        """A request that waits for its answer."""
        task = asyncio.create_task(self.live.set_control(name, value))
        await asyncio.sleep(0)
        return task


@pytest.fixture
def track() -> Track:
    return Track()


async def test_answer_is_the_control_with_its_new_value(track: Track) -> None:
    track.live.take(ControlsListed((GAIN,)))
    task = await track.asking()
    assert track.worker.asked == [("gain", 2.0)]
    track.live.take(ControlSet("gain", 2.0, 1))
    assert await task == Control("gain", ControlKind.NUMBER, 2.0, 1.0, 1.0, 16.0)


@pytest.mark.parametrize(("value", "kind"), [(True, "boolean"), (3, "integer"), (1.5, "number"), ("auto", "text")])
async def test_control_that_was_not_listed_yet_has_at_least_its_value(
    track: Track, value: ControlValue, kind: str
) -> None:
    task = await track.asking("new", value)
    track.live.take(ControlSet("new", value, 1))
    assert await task == Control("new", ControlKind(kind), value)


async def test_refusal_is_raised_with_its_sentence(track: Track) -> None:
    task = await track.asking()
    track.live.take(ControlRefused("gain", "v4l2: control 'gain' cannot be 99", 1))
    with pytest.raises(SourceError, match=r"^front: v4l2: control 'gain' cannot be 99$"):
        await task


async def test_answers_find_their_own_request(track: Track) -> None:
    first, second = await track.asking(value=2.0), await track.asking(value=3.0)
    track.live.take(ControlRefused("gain", "no", 2))
    track.live.take(ControlSet("gain", 2.0, 1))
    assert (await first).value == 2.0
    with pytest.raises(SourceError):
        await second


async def test_no_answer_is_an_error_after_the_deadline(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_source, "ANSWER_DEADLINE_S", 0.01)
    with pytest.raises(SourceError, match=r"front: the source did not answer within 0\.01 s whether control 'gain'"):
        await track.live.set_control("gain", 2.0)
    track.live.take(ControlSet("gain", 2.0, 1))


async def test_death_of_the_worker_ends_requests_condition_and_controls(track: Track) -> None:
    track.live.take(SourceCondition("no signal"))
    track.live.take(ControlsListed((GAIN,)))
    task = await track.asking()
    track.live.take(WorkerDied("killed"))
    assert (track.live.condition, track.live.controls) == ("", ())
    with pytest.raises(SourceError, match="worker died before"):
        await task


async def test_given_up_request_does_no_harm(track: Track) -> None:
    task = await track.asking()
    task.cancel()
    track.live.take(ControlSet("gain", 2.0, 1))
    track.live.take(WorkerDied("killed"))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_worker_the_reason_is_told(track: Track) -> None:
    track.worker.error = SourceError("control 'gain' cannot be set: the worker is being started again")
    with pytest.raises(SourceError, match="started again"):
        await track.live.set_control("gain", 2.0)


@pytest.mark.parametrize("value", [math.nan, -math.inf, "x" * 129, 2**63, None, [1], {}])
async def test_what_no_control_takes_is_not_even_sent(track: Track, value: Any) -> None:
    with pytest.raises(SourceError, match=r"front: control 'gain' cannot be '.*'; allowed is a boolean"):
        await track.live.set_control("gain", value)
    assert track.worker.asked == []


@pytest.mark.parametrize("name", ["", "x" * 65])
async def test_name_that_no_control_has_is_not_even_sent(track: Track, name: str) -> None:
    with pytest.raises(SourceError, match="front: there is no control"):
        await track.live.set_control(name, 1)
    assert track.worker.asked == []


async def test_requests_are_bounded(track: Track) -> None:
    tasks = [await track.asking() for _ in range(MAX_WAITING)]
    with pytest.raises(SourceError, match="others wait"):
        await track.live.set_control("gain", 2.0)
    track.live.take(WorkerDied("killed"))
    await asyncio.gather(*tasks, return_exceptions=True)


def test_condition_is_logged_and_told_once_per_change(track: Track, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for text in ("no signal", "no signal", "", ""):
        track.live.take(SourceCondition(text))
    assert caplog.messages == ["front: the source says: no signal", "front: the source no longer says: no signal"]
    assert track.changes == 2


def test_controls_are_told_once_per_change(track: Track) -> None:
    for _ in range(2):
        track.live.take(ControlsListed((GAIN,)))
        track.live.take(WorkerStats())
    assert track.live.controls == (GAIN,)
    assert track.changes == 1


def test_value_lost_at_a_new_opening_is_a_warning(track: Track, caplog: pytest.LogCaptureFixture) -> None:
    track.live.take(ControlRefused("gain", "v4l2: there is no control 'gain'", 0))
    assert "front: a control that was set before is not set now" in caplog.text
