"""A machine without a battery-backed clock: its first tokens are of the wrong time, and the clock is set later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from lkedge.clock import SECOND_NS
from lkedge.config import models
from lkedge.errors import JoinRefused
from lkedge.journal import MessageId
from lkedge.publish import publisher as publisher_module
from lkedge.publish.complaints import was_set
from lkedge.publish.publisher import Publisher
from lkedge.publish.state import ConnectionState, ConnectionStatus
from lkedge.signaling.claims import read_claims
from lkedge.signaling.token import ApiKey, KeyTokenProvider, TokenKeeper
from lkedge.testing.clock import FakeClock

NOW_S = 1_790_000_000
BEHIND_S = 90 * 24 * 3600
DEADLINE_S = 20.0
"""Far less than the wait after a refusal, which is a minute."""


class StrictSession:
    """Refuses tokens that are not of the right time, as a server does. gate: what it waits for before it does."""

    gate: asyncio.Event
    began: asyncio.Event

    def __init__(self, url: str, token: str, *, on_changed: Callable[[ConnectionStatus], None], **_: Any) -> None:
        self._token = token
        self._on_changed = on_changed
        self._left = asyncio.Event()

    async def run(self) -> None:
        self.began.set()
        await self.gate.wait()
        if read_claims(self._token).is_expired(NOW_S):
            raise JoinRefused("status 401: the token has expired", 401)
        self._on_changed(ConnectionStatus(ConnectionState.CONNECTED, participant_sid="PA_1"))
        await self._left.wait()

    def leave(self) -> None:
        self._left.set()

    def __getattr__(self, name: str) -> Callable[..., None]:
        """What is told to a session besides does not matter here."""
        return lambda *_, **__: None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall_ns=(NOW_S - BEHIND_S) * SECOND_NS)


@pytest.fixture
async def publisher(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Publisher]:
    monkeypatch.setattr("lkedge.publish.session.RoomSession", StrictSession)
    monkeypatch.setattr(publisher_module, "HOUSEKEEPING_S", 0.01)
    monkeypatch.setattr(publisher_module, "_preload", lambda: None)
    StrictSession.gate, StrictSession.began = asyncio.Event(), asyncio.Event()
    livekit = models.LiveKitConfig("ws://h", models.ApiKey("k", "s" * 32, "r", "i"))
    provider = KeyTokenProvider(ApiKey("k", "s" * 32), identity="i", room="r", clock=clock)
    publisher = Publisher(livekit, TokenKeeper(provider, clock), clock=clock)
    publisher.start()
    yield publisher
    StrictSession.gate.set()
    await publisher.stop()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_true():
            await asyncio.sleep(0.01)


async def test_a_refused_token_is_made_anew_when_the_clock_is_set(
    publisher: Publisher, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    StrictSession.gate.set()
    await until(lambda: publisher.status().connection.state is ConnectionState.WAITING)
    assert "the token has expired" in publisher.status().connection.reason
    caplog.set_level(logging.INFO, "lkedge")
    clock.step_wall(BEHIND_S)
    await until(lambda: publisher.status().connection.state is ConnectionState.CONNECTED)
    (record,) = [record for record in caplog.records if "clock" in record.getMessage()]
    assert record.getMessage() == f"the clock was set by +{BEHIND_S} s"
    assert record.__dict__["MESSAGE_ID"] == MessageId.CLOCK_SET.value


async def test_a_token_on_its_way_while_the_clock_is_set_costs_no_minute(
    publisher: Publisher, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge")
    async with asyncio.timeout(DEADLINE_S):
        await StrictSession.began.wait()
    clock.step_wall(BEHIND_S)
    await until(lambda: "the clock was set" in caplog.text)
    StrictSession.gate.set()
    await until(lambda: publisher.status().connection.state is ConnectionState.CONNECTED)


async def test_a_clock_that_is_set_does_not_disturb_a_connection(publisher: Publisher, clock: FakeClock) -> None:
    StrictSession.gate.set()
    clock.step_wall(BEHIND_S)
    await until(lambda: publisher.status().connection.state is ConnectionState.CONNECTED)
    joins = publisher.status().connection.joins
    clock.step_wall(-BEHIND_S)
    await asyncio.sleep(0.05)
    assert publisher.status().connection.joins == joins
    assert publisher.status().connection.state is ConnectionState.CONNECTED


@pytest.mark.parametrize(("step_s", "is_news"), [(0, False), (4.9, False), (5, True), (-5, True), (3600, True)])
def test_small_corrections_are_no_news(step_s: float, is_news: bool) -> None:
    assert was_set(round(step_s * SECOND_NS)) is is_news
