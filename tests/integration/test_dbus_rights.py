"""Who may do what on the bus: the policy that is installed, and the daemon's own checks."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from dbus_fast import RequestNameReply, Variant

from lkedge.config.models import ControlConfig
from lkedge.control.api import MANAGER, TRACK
from lkedge.control.dbus_calls import MAX_GUESTS
from lkedge.control.dbus_names import INTROSPECTABLE, OBJECT_MANAGER, ROOT_PATH, TRACKS_PATH, track_path
from lkedge.plugin.api import DeviceInfo
from lkedge.testing.fake_target import FakeTarget
from tests.integration.bus_client import BusClient, Refused, as_user, busctl, connected, serving, until
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon

NOBODY = 65534
FRONT = track_path("front")
FORBIDDEN = "org.lkedge1.Error.Forbidden"

pytestmark = [
    needs_dbus_daemon(),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user: run pytest with sudo"),
]


@pytest.fixture
async def stranger(bus: PrivateBus) -> AsyncIterator[BusClient]:
    """A connection of the user nobody."""
    with as_user(NOBODY):
        context = connected(bus.address)
        client = await context.__aenter__()
    yield client
    await context.__aexit__(None, None, None)


class SlowTarget(FakeTarget):
    """Finds no device before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def devices(self) -> Sequence[DeviceInfo]:
        await self.may_answer.wait()
        return await super().devices()


async def refusal(client: BusClient, path: str, interface: str, member: str, signature: str = "", *body: object) -> str:
    """The error's name, "" when there is none."""
    try:
        await client.call(path, interface, member, signature, *body)
    except Refused as error:
        return error.name
    return ""


async def test_a_stranger_may_do_nothing_and_is_logged_once(
    stranger: BusClient, caplog: pytest.LogCaptureFixture
) -> None:
    target = FakeTarget()
    async with serving(target) as service:
        await until(lambda: service.is_on_bus)
        assert await refusal(stranger, FRONT, TRACK, "Mute") == FORBIDDEN
        assert await refusal(stranger, ROOT_PATH, MANAGER, "Status") == FORBIDDEN
        assert await refusal(stranger, ROOT_PATH, OBJECT_MANAGER, "GetManagedObjects") == FORBIDDEN
        with pytest.raises(Refused, match="use sudo"):
            await stranger.get(FRONT, TRACK, "State")
        with pytest.raises(Refused, match="use sudo"):
            await stranger.set(FRONT, TRACK, "Muted", Variant("b", True))
    assert target.calls == []
    refusals = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in refusals] == [
        f"refused mute on the bus to user nobody (uid {NOBODY}, process {os.getpid()}): no right to do so"
    ]


async def test_a_stranger_may_read_where_everyone_may(stranger: BusClient) -> None:
    target = FakeTarget()
    async with serving(target, ControlConfig(is_open_to_read=True)) as service:
        await until(lambda: service.is_on_bus)
        assert await stranger.get(FRONT, TRACK, "State") == "published"
        assert await refusal(stranger, FRONT, TRACK, "Mute") == FORBIDDEN
        with pytest.raises(Refused, match="you may not call mute"):
            await stranger.set(FRONT, TRACK, "Muted", Variant("b", True))
    assert target.calls == []


async def test_a_stranger_is_not_told_which_tracks_there_are(stranger: BusClient) -> None:
    async with serving(FakeTarget()) as service:
        await until(lambda: service.is_on_bus)
        (folder,) = await stranger.call(TRACKS_PATH, INTROSPECTABLE, "Introspect")
        assert "front" not in folder
        for name in ("front", "none"):
            (described,) = await stranger.call(track_path(name), INTROSPECTABLE, "Introspect")
            assert TRACK in described
            assert await refusal(stranger, track_path(name), TRACK, "Status") == FORBIDDEN


async def test_strangers_cannot_crowd_out_others(bus: PrivateBus, stranger: BusClient) -> None:
    target = SlowTarget()
    async with (
        serving(target, ControlConfig(is_open_to_read=True)) as service,
        connected(bus.address) as friend,
        asyncio.TaskGroup() as group,
    ):
        await until(lambda: service.is_on_bus)
        calls = [group.create_task(refusal(stranger, ROOT_PATH, MANAGER, "Devices")) for _ in range(MAX_GUESTS + 4)]
        await until(lambda: sum(call.done() for call in calls) == 4)
        assert {call.result() for call in calls if call.done()} == {"org.lkedge1.Error.Busy"}
        assert await refusal(friend, FRONT, TRACK, "Mute") == ""
        target.may_answer.set()


async def test_a_member_of_the_group_may_do_everything(stranger: BusClient) -> None:
    target = FakeTarget()
    async with serving(target, ControlConfig(socket_group="nogroup")) as service:
        await until(lambda: service.is_on_bus)
        assert await refusal(stranger, FRONT, TRACK, "Mute") == ""
    assert target.tracks["front"].muted


async def test_a_stranger_hears_no_signals(bus: PrivateBus, stranger: BusClient) -> None:
    target = FakeTarget()
    async with serving(target) as service, connected(bus.address) as friend:
        await until(lambda: service.is_on_bus and target.listeners > 0)
        await stranger.listen()
        await friend.listen()
        target.set_muted("front", True, False)
        await friend.signal("PropertiesChanged")
        assert await refusal(stranger, FRONT, TRACK, "Mute") == FORBIDDEN
    assert stranger.signals == []


async def heard_by_a_stranger(monkeypatch: pytest.MonkeyPatch, policy: str) -> tuple[int, str]:
    """With a policy of the administrator: how many signals of one change it hears, and what it is refused with."""
    bus, target = PrivateBus(more=policy), FakeTarget()
    bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    try:
        async with serving(target) as service, connected(bus.address) as friend, AsyncExitStack() as stack:
            with as_user(NOBODY):
                stranger = await stack.enter_async_context(connected(bus.address))
            await until(lambda: service.is_on_bus and target.listeners > 0)
            await stranger.listen()
            await friend.listen()
            assert await refusal(friend, FRONT, TRACK, "Mute") == ""
            await friend.signal("PropertiesChanged")
            # What the bus has for a connection comes in order, so the signal is here before this answer.
            refused = await refusal(stranger, FRONT, TRACK, "Mute")
            return len(stranger.signals), refused
    finally:
        bus.remove()


async def test_the_administrator_may_let_everyone_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/dbus.md").read_text()
    found = re.search(r"```xml\n<busconfig>\n(.*?)</busconfig>", page, re.DOTALL)
    assert found is not None
    assert await heard_by_a_stranger(monkeypatch, found[1]) == (1, FORBIDDEN)


async def test_the_administrator_may_keep_strangers_out(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = '<policy context="default"><deny send_destination="org.lkedge1"/></policy>'
    assert await heard_by_a_stranger(monkeypatch, policy) == (0, "org.freedesktop.DBus.Error.AccessDenied")


async def test_a_stranger_cannot_be_the_daemon(stranger: BusClient) -> None:
    with pytest.raises(Exception, match="not allowed to own"):
        await stranger.bus.request_name("org.lkedge1")


async def test_root_may_be_the_daemon(bus: PrivateBus) -> None:
    async with connected(bus.address) as client:
        assert await client.bus.request_name("org.lkedge1") is RequestNameReply.PRIMARY_OWNER


async def test_a_daemon_without_the_policy_says_so_and_lives(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge.control.dbus")
    bus = PrivateBus(has_policy=False)
    bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    async with serving(FakeTarget()) as service:
        await until(lambda: "is the policy" in caplog.text or service.is_on_bus)
        assert not service.is_on_bus
    bus.remove()


async def test_busctl_of_a_stranger_is_refused(bus: PrivateBus) -> None:
    async with serving(FakeTarget()) as service:
        await until(lambda: service.is_on_bus)
        command = ["busctl", f"--address={bus.address}", "call", "org.lkedge1", FRONT, TRACK, "Mute"]
        status = await asyncio.to_thread(
            subprocess.run, command, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, timeout=30
        )
    assert status.returncode != 0
    assert b"you may not call mute" in status.stderr


async def test_busctl_monitor_shows_a_call_and_its_signal(bus: PrivateBus) -> None:
    target = FakeTarget()
    async with serving(target) as service:
        await until(lambda: service.is_on_bus and target.listeners > 0)
        monitor = await asyncio.create_subprocess_exec(
            "busctl", f"--address={bus.address}", "--json=short", "monitor", "org.lkedge1",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert monitor.stderr is not None
        assert monitor.stdout is not None
        async with asyncio.timeout(30):
            await monitor.stderr.readline()
            await busctl(bus.address, "call", "org.lkedge1", FRONT, TRACK, "Mute")
            output = b""
            while not (b'"member":"Mute"' in output and b'"member":"PropertiesChanged"' in output):
                output += await monitor.stdout.readline()
        monitor.terminate()
        await monitor.wait()


LOOK_FOR_A_BUS = """
import asyncio, logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from lkedge.config.models import ControlConfig
from lkedge.control.dbus import DbusService
from lkedge.control.handler import Handler
from lkedge.control.peer import Rights
from lkedge.plugin.api import DeviceInfo
from lkedge.testing.fake_target import FakeTarget
async def main():
    service = DbusService(Handler(FakeTarget()), Rights(ControlConfig()), first_look_s=0)
    service.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await service.stop()
    print("dbus_fast" in sys.modules)
asyncio.run(main())
"""


def looked_for_a_bus(folder: Path, address: str) -> list[str]:
    """What is logged in an interpreter that has no dbus-fast, and whether that was asked for."""
    (folder / "dbus_fast.py").write_text("raise ImportError('not here')\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}
    result = subprocess.run(
        [sys.executable, "-c", LOOK_FOR_A_BUS], env={**environment, "DBUS_SYSTEM_BUS_ADDRESS": address},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return result.stdout.splitlines()


def test_without_dbus_fast_the_daemon_lives(bus: PrivateBus, tmp_path: Path) -> None:
    (line, _) = looked_for_a_bus(tmp_path, bus.address)
    assert line.startswith("not on D-Bus: dbus-fast is not installed")


def test_without_a_bus_dbus_fast_is_not_loaded(tmp_path: Path) -> None:
    assert looked_for_a_bus(tmp_path, f"unix:path={tmp_path}/none,guid=1") == [
        f"not on D-Bus: there is no {tmp_path}/none",
        "False",
    ]
