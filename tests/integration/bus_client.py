"""Calls org.lkedge1 as programs do, with dbus-fast, and as people do, with busctl."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from lkedge.config.models import ControlConfig
from lkedge.control.api import MANAGER
from lkedge.control.dbus import DbusService
from lkedge.control.dbus_names import BUS_NAME, PROPERTIES, ROOT_PATH, bus_name
from lkedge.control.handler import Handler
from lkedge.control.peer import Rights
from lkedge.testing.fake_target import FakeTarget

DEADLINE_S = 30.0
"""Long enough for a machine that does ten other things."""


class Refused(Exception):
    """An error reply. name: of D-Bus."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class BusClient:
    """One connection. name: whom to call. signals: what came, oldest first: interface, member, path, body."""

    def __init__(self, bus: MessageBus, name: str = BUS_NAME) -> None:
        self.bus = bus
        self.name = name
        self.signals: list[tuple[str, str, str, list[Any]]] = []
        self._changed = asyncio.Event()
        bus.add_message_handler(self._take)

    async def call(self, path: str, interface: str, member: str, signature: str = "", *body: Any) -> list[Any]:
        message = Message(self.name, path, interface, member, signature=signature, body=list(body))
        async with asyncio.timeout(DEADLINE_S):
            reply = await self.bus.call(message)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise Refused(reply.error_name or "", str(reply.body[0]) if reply.body else "")
        return list(reply.body)

    async def get(self, path: str, interface: str, name: str) -> Any:
        return (await self.call(path, PROPERTIES, "Get", "ss", interface, name))[0].value

    async def set(self, path: str, interface: str, name: str, value: Variant) -> None:
        await self.call(path, PROPERTIES, "Set", "ssv", interface, name, value)

    async def listen(self) -> None:
        """Begin to gather the signals of the daemon."""
        rule = f"type='signal',sender='{self.name}'"
        message = Message(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
            signature="s", body=[rule],
        )  # fmt: skip
        reply = await self.bus.call(message)
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN

    async def signal(self, member: str, count: int = 1) -> list[tuple[str, str, str, list[Any]]]:
        """The first signals of that name, waiting until there are so many."""
        async with asyncio.timeout(DEADLINE_S):
            while len(found := [signal for signal in self.signals if signal[1] == member]) < count:
                self._changed.clear()
                await self._changed.wait()
        return found

    def _take(self, message: Message) -> bool:
        if message.message_type is not MessageType.SIGNAL or message.interface == "org.freedesktop.DBus":
            return False
        self.signals.append((message.interface or "", message.member or "", message.path or "", message.body))
        self._changed.set()
        return False


@asynccontextmanager
async def connected(address: str, name: str = BUS_NAME) -> AsyncIterator[BusClient]:
    """A client of the private bus, and of one daemon there."""
    bus = await MessageBus(bus_address=address).connect()
    gone = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
    try:
        yield BusClient(bus, name)
    finally:
        bus.disconnect()
        await asyncio.wait([gone], timeout=DEADLINE_S)
        await asyncio.gather(gone, return_exceptions=True)


@asynccontextmanager
async def serving(target: FakeTarget, config: ControlConfig | None = None) -> AsyncIterator[DbusService]:
    """The service on the bus of $DBUS_SYSTEM_BUS_ADDRESS, over a fake daemon."""
    handler = Handler(target)
    config = config or ControlConfig()
    service = DbusService(
        handler, Rights(config), bus_name=bus_name(config.instance), first_retry_s=0.05, first_look_s=0
    )
    service.start()
    try:
        yield service
    finally:
        await service.stop()
        await handler.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a fact that nothing announces."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def until_served(client: BusClient) -> None:
    """Wait for the daemon to be there, signals too."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await client.call(ROOT_PATH, MANAGER, "Status")
                return
            except Refused as error:
                if error.name != "org.freedesktop.DBus.Error.ServiceUnknown":
                    raise
                await asyncio.sleep(0.01)


async def busctl(address: str, *words: str, check: bool = True) -> tuple[int, str, str]:
    """Run busctl: exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        "busctl", f"--address={address}", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE_S):
        output, errors = await process.communicate()
    assert not check or process.returncode == 0, errors.decode()
    return process.returncode or 0, output.decode(), errors.decode()


async def busctl_json(address: str, *words: str) -> Any:
    """The data that busctl prints."""
    _, output, _ = await busctl(address, "--json=short", *words)
    return json.loads(output)["data"]


@contextmanager
def as_user(uid: int) -> Any:
    """For connections that are made meanwhile: the kernel notes who connects. Needs root."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(uid, uid, 0)
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)
