"""Several daemons on one bus: each has a name of its own, and strangers hear none of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control.api import TRACK
from lkedge.control.dbus_names import ANY_NAME, BUS_NAME, track_path
from lkedge.testing.fake_target import FakeTarget
from tests.integration.bus_client import BusClient, Refused, as_user, busctl, connected, serving, until
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon

pytestmark = needs_dbus_daemon()

NOBODY = 65534
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user: run pytest with sudo")
FORBIDDEN = "org.lkedge1.Error.Forbidden"
FRONT = track_path("front")
NAMES = {"": BUS_NAME, "yard": f"{BUS_NAME}.yard", "back-door": f"{BUS_NAME}.back_2ddoor"}


@pytest.fixture
async def targets(bus: PrivateBus) -> AsyncIterator[dict[str, FakeTarget]]:
    """Three daemons on the bus, by instance."""
    targets = {instance: FakeTarget() for instance in NAMES}
    async with AsyncExitStack() as stack:
        for instance, target in targets.items():
            service = await stack.enter_async_context(serving(target, ControlConfig(instance=instance)))
            await until(lambda: service.is_on_bus and target.listeners > 0)  # noqa: B023
        yield targets


async def test_each_has_a_name_of_its_own(bus: PrivateBus, targets: dict[str, FakeTarget]) -> None:
    for instance, name in NAMES.items():
        async with connected(bus.address, name) as client:
            await client.listen()
            await client.call(FRONT, TRACK, "Mute")
            await client.signal("PropertiesChanged")
        assert targets[instance].tracks["front"].muted
        assert [target.tracks["front"].muted for target in targets.values()].count(True) == 1
        targets[instance].set_muted("front", False, False)
    _, listed, _ = await busctl(bus.address, "list", "--no-legend")
    assert {*NAMES.values(), ANY_NAME} <= set(listed.split())


@NEEDS_ROOT
async def test_a_stranger_may_ask_each_and_hears_none(bus: PrivateBus, targets: dict[str, FakeTarget]) -> None:
    for instance, name in NAMES.items():
        async with connected(bus.address, name) as friend, AsyncExitStack() as stack:
            with as_user(NOBODY):
                stranger = await stack.enter_async_context(connected(bus.address, name))
            await friend.listen()
            await stranger.listen()
            targets[instance].set_muted("front", True, False)
            await friend.signal("PropertiesChanged")
            # What the bus has for a connection comes in order: a signal would be here before this answer.
            assert await refusal(stranger) == FORBIDDEN
            assert stranger.signals == []


@NEEDS_ROOT
async def test_a_stranger_cannot_be_an_instance(bus: PrivateBus) -> None:
    async with AsyncExitStack() as stack:
        with as_user(NOBODY):
            stranger = await stack.enter_async_context(connected(bus.address))
        for name in (*NAMES.values(), ANY_NAME):
            with pytest.raises(Exception, match="not allowed to own"):
                await stranger.bus.request_name(name)


async def refusal(client: BusClient) -> str:
    try:
        await client.call(FRONT, TRACK, "Mute")
    except Refused as error:
        return error.name
    return ""
