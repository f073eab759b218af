"""Messages of megabytes on the bus, in both directions."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest
from dbus_fast import Variant

from lkedge.control.api import MANAGER, TRACK
from lkedge.control.dbus_filter import MAX_MESSAGE_BYTES
from lkedge.control.dbus_names import ROOT_PATH, track_path
from lkedge.testing.fake_target import FakeTarget
from tests.integration.bus_client import Refused, connected, serving, until, until_served
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon

pytestmark = needs_dbus_daemon()

FRONT = track_path("front")
HUGE = bytes(4 << 20)


@pytest.mark.parametrize(("signature", "body"), [("ay", HUGE), ("a{sv}", {"name": Variant("ay", HUGE)})])
async def test_a_call_of_megabytes_is_refused_unread(bus: PrivateBus, signature: str, body: object) -> None:
    async with serving(FakeTarget()), connected(bus.address) as client:
        await until_served(client)
        with pytest.raises(Refused, match=f"{MAX_MESSAGE_BYTES} bytes") as caught:
            await client.call(ROOT_PATH, MANAGER, "AddTrack", signature, body)
        assert caught.value.name == "org.freedesktop.DBus.Error.LimitsExceeded"
        await until_served(client)


async def test_others_are_answered_between_calls_of_megabytes(bus: PrivateBus) -> None:
    async with serving(FakeTarget()), connected(bus.address) as client, connected(bus.address) as other:
        await until_served(client)

        async def send_large() -> None:
            for _ in range(8):
                with pytest.raises(Refused, match="LimitsExceeded"):
                    await client.call(FRONT, TRACK, "Mute", "ay", bytes(1 << 20))

        async with asyncio.TaskGroup() as group:
            sending = group.create_task(send_large())
            while not sending.done():
                assert await other.get(FRONT, TRACK, "State") == "published"


class Photographer(FakeTarget):
    """Takes large snapshots when it may. taken: how many."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.asked = 0
        self.may_take = asyncio.Event()

    async def snapshot(self, name: str, width: int) -> bytes:
        self.asked += 1
        await self.may_take.wait()
        self.taken += 1
        return bytes(1 << 20)


async def test_a_bus_that_reads_slowly_gets_all_large_replies(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge.control.dbus")
    target = Photographer()
    async with serving(target) as service, connected(bus.address) as client, asyncio.TaskGroup() as group:
        await until_served(client)
        calls = [group.create_task(client.call(FRONT, TRACK, "Snapshot")) for _ in range(4)]
        await until(lambda: target.asked == len(calls))
        os.kill(bus.pid, signal.SIGSTOP)
        try:
            target.may_take.set()
            await until(lambda: target.taken == len(calls))
        finally:
            os.kill(bus.pid, signal.SIGCONT)
        assert [len(reply[0]) for reply in await asyncio.gather(*calls)] == [1 << 20] * 4
        assert service.is_on_bus
    assert "D-Bus is gone" not in caplog.text
