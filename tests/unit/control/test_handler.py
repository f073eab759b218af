from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.clock import SECOND_NS
from lkedge.control import handler as handlers
from lkedge.control.api import COMMAND, COMMANDS
from lkedge.control.errors import Code, ControlError
from lkedge.control.handler import Handler
from lkedge.control.parse import from_values
from lkedge.control.replies import StatusReply
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.testing.clock import FakeClock
from lkedge.testing.fake_target import FakeTarget


async def call(handler: Handler, name: str, **values: object) -> object:
    return await handler.call(COMMAND[name], from_values(COMMAND[name], values))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_command_is_missing(handler: Handler, command) -> None:
    assert callable(handler._method(command))


def test_names_and_spellings_are_unique() -> None:
    for spelling in ("name", "http", "dbus"):
        assert len({getattr(command, spelling) for command in COMMANDS}) == len(COMMANDS)


async def test_status_tells_times_and_no_secrets(target: FakeTarget) -> None:
    clock = FakeClock(monotonic_ns=100 * SECOND_NS, wall_ns=1_000_000_100 * SECOND_NS)
    target.started_ns = 40 * SECOND_NS
    target.config_files = (Path("/etc/lkedge/lkedge.toml"), Path("/etc/\udcff.toml"))
    url = "wss://user:geheim@livekit.example:7880/rtc?access_token=geheim"
    target.connection = replace(target.connection, url=url, reason=f"cannot reach {url}")
    status = await call(Handler(target, clock=clock), "status")
    assert isinstance(status, StatusReply)
    assert (status.since, status.uptime) == ("2001-09-09T01:47:20Z", 60.0)
    assert status.config_files == ["/etc/lkedge/lkedge.toml", "/etc/\ufffd.toml"]
    assert status.connection.url == "wss://livekit.example:7880/rtc"
    assert "geheim" not in status.model_dump_json()


async def test_permissions_arrive(handler: Handler, target: FakeTarget) -> None:
    participants = [{"identity": "ann", "tracks": ["front"]}, {"identity": "bob", "all_tracks_allowed": True}]
    await call(handler, "set_permissions", all_participants_allowed=False, participants=participants)
    expected = (ParticipantPermission("ann", False, ("front",)), ParticipantPermission("bob", True))
    assert target.permissions() == Permissions(False, expected)


class Stuck(FakeTarget):
    """Reloads only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.reloaded = 0

    async def reload(self):
        await self.go.wait()
        self._fail()
        self.reloaded += 1
        return await super().reload()


async def refused(handler: Handler, name: str) -> Code:
    with pytest.raises(ControlError) as caught:
        await call(handler, name)
    return caught.value.code


async def test_a_slow_command_is_answered_and_goes_on() -> None:
    target = Stuck()
    handler = Handler(target, deadline_s=0.01)
    assert await refused(handler, "reload") is Code.TIMEOUT
    target.go.set()
    while handler._running:
        await asyncio.sleep(0)
    assert target.reloaded == 1


async def test_a_command_outlives_its_caller() -> None:
    target = Stuck()
    handler = Handler(target)
    caller = asyncio.create_task(call(handler, "reload"))
    while not handler._running:
        await asyncio.sleep(0)
    caller.cancel()
    target.go.set()
    while not target.reloaded:
        await asyncio.sleep(0)


async def test_a_late_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    target = Stuck()
    handler = Handler(target, deadline_s=0.01)
    assert await refused(handler, "reload") is Code.TIMEOUT
    target.failure = OSError("disk full")
    target.go.set()
    with caplog.at_level(logging.WARNING):
        while handler._running:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert "reload failed after its deadline: disk full" in caplog.text


async def test_too_many_commands_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MAX_RUNNING", 2)
    target = Stuck()
    handler = Handler(target)
    waiting = [asyncio.create_task(call(handler, "reload")) for _ in range(2)]
    while len(handler._running) < 2:
        await asyncio.sleep(0)
    assert await refused(handler, "reload") is Code.BUSY
    assert isinstance(await call(handler, "status"), StatusReply)
    target.go.set()
    await asyncio.gather(*waiting)


async def test_devices_are_looked_for_once_at_a_time(target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []

    async def search() -> tuple[()]:
        searches.append(1)
        await asyncio.sleep(0)
        return ()

    monkeypatch.setattr(target, "devices", search)
    handler = Handler(target)
    await asyncio.gather(*(call(handler, "devices") for _ in range(5)))
    assert len(searches) == 1
    await call(handler, "devices")
    assert len(searches) == 2


async def test_close_gives_up_what_runs() -> None:
    handler = Handler(Stuck())
    waiting = asyncio.create_task(call(handler, "reload"))
    while not handler._running:
        await asyncio.sleep(0)
    await handler.close()
    with pytest.raises(ControlError, match="the daemon stops"):
        await waiting
    assert not handler._running
