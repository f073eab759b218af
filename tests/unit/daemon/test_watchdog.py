"""The watchdog's edge: what it tells the service manager and the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from lkedge.clock import SECOND_NS
from lkedge.daemon import vital_signs
from lkedge.daemon.notify import Notifier
from lkedge.daemon.watchdog import Watchdog
from lkedge.journal import MessageId


class RecordingNotifier(Notifier):
    def __init__(self) -> None:
        super().__init__()
        self.fed = 0
        self.enough = asyncio.Event()

    def alive(self) -> None:
        self.fed += 1
        if self.fed == 3:
            self.enough.set()


async def test_a_living_loop_feeds_again_and_again() -> None:
    notifier = RecordingNotifier()
    task = asyncio.create_task(Watchdog(notifier, 20_000_000, dict).run())
    async with asyncio.timeout(5):
        await notifier.enough.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_loop_that_stood_still_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_ns = [0]

    async def sleep(seconds: float) -> None:
        now_ns[0] += round(seconds * SECOND_NS) + 3 * SECOND_NS
        if now_ns[0] > 10 * SECOND_NS:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr("lkedge.daemon.watchdog.time.monotonic_ns", lambda: now_ns[0])
    with contextlib.suppress(asyncio.CancelledError):
        await Watchdog(RecordingNotifier(), 2 * SECOND_NS, dict).run()
    assert caplog.messages == ["the event loop stood still for 3.0 s"] * 2


async def test_a_stuck_part_starves_it_and_is_logged_with_its_id(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vital_signs.VitalSigns.__init__, "__defaults__", (0,))
    notifier = RecordingNotifier()
    problems = {"publisher": "it has ended"}
    dog = Watchdog(notifier, 0, lambda: problems)
    dog.look()
    dog.look()
    assert notifier.fed == 0
    (record,) = caplog.records
    assert record.getMessage() == "the watchdog is not fed any more: publisher: it has ended"
    assert (record.levelno, record.__dict__["MESSAGE_ID"]) == (logging.ERROR, MessageId.PART_STUCK.value)

    problems.clear()
    with caplog.at_level(logging.INFO):
        dog.look()
    assert notifier.fed == 1
    assert caplog.records[-1].getMessage() == "well again: publisher"
