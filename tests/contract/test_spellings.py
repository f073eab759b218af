"""Every command through HTTP and through D-Bus: the same replies, the same errors, the same done to the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lkedge.control.api import COMMAND, COMMANDS
from lkedge.control.errors import Code, ControlError
from lkedge.errors import ConfigError, SourceError, TransportError
from lkedge.testing.fake_target import FakeTarget
from tests.integration.bus_client import BusClient, connected, serving, until_served
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon
from tests.integration.spellings import by_bus, by_http, over_http

pytestmark = needs_dbus_daemon()

TABLE = {"name": "back", "source": "testsrc", "capture": {"width": 640, "framerate": 12.5}, "enabled": True}
ONE = {"all_participants_allowed": False, "participants": [{"identity": "bob", "tracks": ["front"]}]}


@dataclass(frozen=True)
class Outcome:
    """What a spelling said. code: "" for a reply. calls: what was done to the daemon."""

    reply: Any
    code: str
    message: str
    calls: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """One call. fails: what the daemon raises. is_typed: both carry the values as they are: no value of another
    type than the method's signature has, and none in a query or a path, where all are texts."""

    command: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fails: Callable[[], Exception] | None = None
    is_typed: bool = True

    def __str__(self) -> str:
        words = [self.command, *(f"{name}={value}" for name, value in self.values.items())]
        return " ".join([*words, self.fails.__name__ if self.fails else ""]).strip()[:70]


def config_error() -> Exception:
    return ConfigError([f"line {number}: wrong" for number in range(5)])


def source_error() -> Exception:
    return SourceError("the source of 'front' is closed")


def transport_error() -> Exception:
    return TransportError("no connection to the room")


def timeout() -> Exception:
    return TimeoutError()


def busy() -> Exception:
    return ControlError(Code.BUSY, "too much at once")


def fault() -> Exception:
    return ZeroDivisionError("a secret detail")


GOOD = [
    Case("status"),
    Case("tracks"),
    Case("track", {"track": "front"}),
    Case("track", {"track": "talk"}),
    Case("add_track", {"settings": TABLE}),
    Case("add_track", {"settings": TABLE, "persist": True}),
    Case("change_track", {"track": "front", "settings": {"capture": {"framerate": 10}, "muted": False}}),
    Case("remove_track", {"track": "front"}),
    Case("remove_track", {"track": "front", "persist": True}),
    *(Case(verb, {"track": "front"}) for verb in ("mute", "unmute", "enable", "disable")),
    *(Case(verb, {"track": "front", "persist": True}) for verb in ("mute", "unmute", "enable", "disable")),
    Case("enable_kind", {"publish_as": "camera"}),
    Case("disable_kind", {"publish_as": "microphone", "persist": True}),
    Case("disable_kind", {"publish_as": "screen_share"}),
    Case("set_layer", {"track": "front", "rid": "h"}),
    Case("set_layer", {"track": "front", "rid": "h", "enabled": False, "max_bitrate": 300_000, "max_framerate": 7.5}),
    Case("set_layer", {"track": "talk", "rid": "single", "max_bitrate": 20_000, "persist": True}),
    Case("controls", {"track": "front"}),
    Case("controls", {"track": "talk"}),
    Case("set_control", {"track": "front", "control": "brightness", "value": 200}),
    Case("set_control", {"track": "front", "control": "gain", "value": 2.5}),
    Case("set_control", {"track": "front", "control": "focus", "value": "manual", "persist": True}),
    Case("set_control", {"track": "front", "control": "flip", "value": True}),
    Case("snapshot", {"track": "front"}),
    Case("snapshot", {"track": "front", "width": 320}),
    Case("permissions"),
    Case("set_permissions", {"all_participants_allowed": True}),
    Case("set_permissions", {**ONE, "persist": True}),
    Case("reconnect"),
    Case("reload"),
    Case("plugins"),
    Case("devices"),
    Case("log_level"),
    Case("set_log_level", {"level": "debug"}),
    Case("set_log_level", {"level": "warning", "logger": "lkedge.rtc"}),
]

REFUSED = [
    *(
        Case(command.name, {"track": "gone", **values})
        for command in COMMANDS
        if "track" in command.arguments.model_fields
        for values in [{"settings": TABLE} if "settings" in command.arguments.model_fields else {}]
        if command.name not in ("set_layer", "set_control")
    ),
    Case("set_layer", {"track": "gone", "rid": "h"}),
    Case("set_layer", {"track": "front", "rid": "x"}),
    Case("set_layer", {"track": "front", "rid": "h", "max_bitrate": 1}),
    Case("set_layer", {"track": "front", "rid": "h", "max_bitrate": "300k"}),
    Case("set_layer", {"track": "front", "rid": "h", "max_framerate": -1.0}),
    Case("set_layer", {"track": "front", "rid": "h", "enabled": "yes"}),
    Case("set_layer", {"track": "front", "rid": "h", "bitrate": 300_000}),
    Case("set_control", {"track": "gone", "control": "gain", "value": 1.0}),
    Case("set_control", {"track": "front", "control": "none", "value": 1}),
    Case("set_control", {"track": "front", "control": "brightness", "value": 999}),
    Case("set_control", {"track": "front", "control": "brightness", "value": "bright"}),
    Case("set_control", {"track": "front", "control": "temperature", "value": 1}),
    Case("set_control", {"track": "talk", "control": "gain", "value": 1.0}),
    Case("add_track", {"settings": {**TABLE, "name": "front"}}),
    Case("add_track", {"settings": {"name": "back", "source": "none"}}),
    Case("add_track", {"settings": {}}),
    Case("add_track", {"settings": "front"}, is_typed=False),
    Case("add_track", {}, is_typed=False),
    Case("change_track", {"track": "front", "settings": {"source": "none"}}),
    Case("mute", {"track": "front", "loud": True}),
    Case("mute", {"track": "front", "persist": "yes"}),
    Case("enable_kind", {"publish_as": "telephone"}),
    Case("disable_kind", {"publish_as": "tv"}),
    Case("snapshot", {"track": "talk"}),
    Case("snapshot", {"track": "front", "width": 100_000}, is_typed=False),
    Case("set_permissions", {"all_participants_allowed": False, "participants": [{"name": "bob"}]}),
    Case("set_permissions", {"all_participants_allowed": 1}, is_typed=False),
    Case("set_log_level", {"level": "loud"}),
    Case("set_log_level", {"level": "info", "logger": "a b"}),
    Case("status", {"everything": True}, is_typed=False),
    Case("reload", fails=config_error),
    Case("add_track", {"settings": TABLE}, fails=config_error),
    Case("set_control", {"track": "front", "control": "gain", "value": 1.0}, fails=source_error),
    Case("snapshot", {"track": "front"}, fails=timeout),
    Case("reconnect", fails=transport_error),
    Case("set_permissions", {"all_participants_allowed": True}, fails=busy),
    Case("devices", fails=fault),
    Case("mute", {"track": "front"}, fails=fault),
]


@pytest.fixture(scope="module")
def bus() -> Iterator[PrivateBus]:
    bus = PrivateBus()
    bus.start()
    yield bus
    bus.remove()


@asynccontextmanager
async def over_bus(bus: PrivateBus, target: FakeTarget) -> AsyncIterator[BusClient]:
    async with serving(target), connected(bus.address) as client:
        await until_served(client)
        yield client


def comparable(reply: Any) -> Any:
    """Without what differs between two moments."""
    return {**reply, "uptime": 0.0} if isinstance(reply, dict) and "uptime" in reply else reply


async def both(bus: PrivateBus, folder: Path, case: Case) -> tuple[Outcome, Outcome]:
    """The same call through each spelling, on a daemon of its own."""
    command, targets = COMMAND[case.command], (FakeTarget(), FakeTarget())
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(over_http(folder, targets[0]))
        client = await stack.enter_async_context(over_bus(bus, targets[1]))
        for target in targets:
            target.failure = case.fails() if case.fails else None
        first = await by_http(socket, command, case.values)
        second = await by_bus(client, command, case.values)
    return Outcome(*first, targets[0].calls), Outcome(*second, targets[1].calls)


@pytest.fixture(autouse=True)
def _address(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)


def test_every_command_is_called() -> None:
    assert {case.command for case in GOOD} == set(COMMAND)
    assert {case.command for case in REFUSED} >= {
        command.name for command in COMMANDS if command.arguments.model_fields
    }


@pytest.mark.parametrize("case", GOOD, ids=str)
async def test_both_answer_the_same(bus: PrivateBus, tmp_path: Path, case: Case) -> None:
    over_socket, on_bus = await both(bus, tmp_path, case)
    assert over_socket.code == "", over_socket.message
    assert on_bus.code == "", on_bus.message
    assert comparable(on_bus.reply) == comparable(over_socket.reply)
    assert on_bus.calls == over_socket.calls


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_both_refuse_the_same(bus: PrivateBus, tmp_path: Path, case: Case) -> None:
    over_socket, on_bus = await both(bus, tmp_path, case)
    assert over_socket.code != ""
    assert on_bus.code == over_socket.code
    assert on_bus.calls == over_socket.calls
    if case.is_typed:
        assert on_bus.message.split("\n")[0] == over_socket.message
