"""Nonsense on the bus: every call is answered with a reply or a stable error, and nothing breaks."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dbus_fast import Variant

from lkedge.control.api import COMMANDS, MANAGER, TRACK
from lkedge.control.dbus_interfaces import INTERFACES
from lkedge.control.dbus_names import INTROSPECTABLE, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, TRACKS_PATH, track_path
from lkedge.testing.fake_target import FakeTarget
from tests.integration.bus_client import BusClient, Refused, connected, serving, until_served
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon

pytestmark = needs_dbus_daemon()

CALLS = 250
"""For each seed; a second or so."""

INTERNAL = "org.lkedge1.Error.Internal"
STABLE = ("org.lkedge1.Error.", "org.freedesktop.DBus.Error.")
PATHS = ("/", "/org", ROOT_PATH, TRACKS_PATH, track_path("front"), track_path("talk"), track_path("gone"), "/x/_zz")
MEMBERS = sorted(
    {command.dbus[1] for command in COMMANDS}
    | {"Get", "Set", "GetAll", "Introspect", "GetManagedObjects", "Nothing", "x"}
)
WORDS = ("front", "talk", "h", "single", "gain", "debug", "camera", "persist", "settings", "name", "source", "testsrc",
         "", "a" * 5000, "ü\U0001f3a5", "%s", "../..", "max_bitrate", "width", "Muted", TRACK, MANAGER)  # fmt: skip


class Nonsense:
    """Values of random types, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def call(self) -> tuple[str, str, str, str, list[Any]]:
        """Path, interface, member, signature and body."""
        path, interface, member = self._target()
        signature = self._signature(interface, member)
        return path, interface, member, "".join(signature), [self._value(one, 0) for one in signature]

    def _target(self) -> tuple[str, str, str]:
        """One that is there more often than not, so that arguments are looked at too."""
        choose = self._random.choice
        if self._random.random() < 0.3:
            interfaces = (MANAGER, TRACK, PROPERTIES, OBJECT_MANAGER, INTROSPECTABLE, "org.example.X")
            return choose(PATHS), choose(interfaces), choose(MEMBERS)
        command = choose(COMMANDS)
        tracks = ("front", "talk", "gone")
        return ROOT_PATH if command.dbus[0] == MANAGER else track_path(choose(tracks)), *command.dbus

    def _signature(self, interface: str, member: str) -> list[str]:
        """The right one more often than not."""
        takes = {
            method.name: [argument.signature for argument in method.takes]
            for method in INTERFACES[interface].methods
        } if interface in INTERFACES else {"Get": ["s", "s"], "Set": ["s", "s", "v"], "GetAll": ["s"]}  # fmt: skip
        if member in takes and self._random.random() < 0.7:
            return takes[member]
        return [self._type(0) for _ in range(self._random.randrange(4))]

    def _type(self, depth: int) -> str:
        kind = self._random.choice("ybnqiuxtdsogvv" if depth > 2 else "ybnqiuxtdsogvvaA({")
        if kind == "a":
            return f"a{self._type(depth + 1)}"
        if kind == "A":
            return "a{sv}"
        if kind == "{":
            return f"a{{{self._random.choice('sixo')}{self._type(depth + 1)}}}"
        if kind == "(":
            return f"({self._type(depth + 1)}{self._type(depth + 1)})"
        return kind

    def _value(self, signature: str, depth: int) -> Any:
        if signature[0] == "a":
            return self._container(signature[1:], depth)
        if signature[0] == "(":
            return [self._value(part, depth + 1) for part in _parts(signature[1:-1])]
        if signature == "v":
            inner = self._type(depth + 1) if depth < 4 else "s"
            return Variant(inner, self._value(inner, depth + 1))
        return self._scalar(signature)

    def _container(self, inner: str, depth: int) -> Any:
        count = self._random.randrange(4)
        if inner == "y":
            return self._random.randbytes(count)
        if inner[0] != "{":
            return [self._value(inner, depth + 1) for _ in range(count)]
        key, value = inner[1], inner[2:-1]
        return {self._scalar(key): self._value(value, depth + 1) for _ in range(count)}

    def _scalar(self, kind: str) -> Any:
        if kind in _BITS:
            low, high = _BITS[kind]
            return self._random.choice((low, high, 0, self._random.randint(low, high)))
        if kind == "d":
            return self._random.choice((0.0, -1.5, float("nan"), float("inf"), 1e300))
        texts = {"o": PATHS, "g": ("", "s", "a{sv}")}
        return self._random.random() < 0.5 if kind == "b" else self._random.choice(texts.get(kind, WORDS))


_BITS = {"y": (0, 255)} | {
    kind: (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for bits, kinds in ((16, "nq"), (32, "iu"), (64, "xt"))
    for unsigned, kind in enumerate(kinds)
}


def _parts(signature: str) -> list[str]:
    """The complete types of a signature."""
    parts: list[str] = []
    start = depth = 0
    for end, character in enumerate(signature, 1):
        depth += (character in "({") - (character in ")}")
        if depth == 0 and character != "a":
            parts.append(signature[start:end])
            start = end
    return parts


@pytest.fixture
async def client(bus: PrivateBus) -> AsyncIterator[BusClient]:
    async with serving(FakeTarget()), connected(bus.address) as client:
        await until_served(client)
        yield client


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nonsense_is_answered_and_breaks_nothing(
    client: BusClient, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    nonsense, outcomes = Nonsense(seed), set[str]()
    files = len(os.listdir("/proc/self/fd"))
    for _ in range(CALLS):
        path, interface, member, signature, body = nonsense.call()
        try:
            await client.call(path, interface, member, signature, *body)
            outcomes.add("")
        except Refused as error:
            outcomes.add(error.name)
            shown = f"{error} for {path} {interface} {member} {signature} {body}"
            if error.name == INTERNAL or not error.name.startswith(STABLE):
                pytest.fail(shown)
    assert outcomes >= {"", "org.lkedge1.Error.NotFound", "org.lkedge1.Error.InvalidArgument"}
    await until_served(client)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert len(os.listdir("/proc/self/fd")) == files


async def test_a_flood_of_calls_is_answered_or_refused_as_busy(client: BusClient) -> None:
    """As many as a system bus lets one connection wait for (dbus-daemon(1), max_replies_per_connection)."""

    async def one() -> str:
        try:
            await client.call(track_path("front"), TRACK, "Status")
        except Refused as error:
            return error.name
        return ""

    outcomes = await asyncio.gather(*(one() for _ in range(100)))
    assert set(outcomes) <= {"", "org.lkedge1.Error.Busy"}
    assert "" in outcomes
    await until_served(client)
