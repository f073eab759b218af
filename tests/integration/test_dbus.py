"""org.lkedge1 on a private bus with the rules of a system bus: what programs and busctl see and do."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from dbus_fast import Variant

from lkedge.control.api import MANAGER, TRACK
from lkedge.control.dbus_names import OBJECT_MANAGER, ROOT_PATH, TRACKS_PATH, track_path
from lkedge.control.target import Reloaded, StatusChanged
from lkedge.errors import ConfigError
from lkedge.publish.state import ConnectionState
from lkedge.testing.fake_target import JPEG, FakePlan, FakeTarget, video_track
from tests.integration.bus_client import (
    BusClient,
    Refused,
    busctl,
    busctl_json,
    connected,
    serving,
    until,
    until_served,
)
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon

pytestmark = needs_dbus_daemon()

FRONT = track_path("front")


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget()


@pytest.fixture
async def client(bus: PrivateBus, target: FakeTarget) -> AsyncIterator[BusClient]:
    async with serving(target), connected(bus.address) as client:
        await until_served(client)
        await until(lambda: target.listeners > 0)
        yield client


async def introspected(client: BusClient, path: str) -> tuple[set[str], set[str]]:
    """Interfaces and children of an object."""
    (xml,) = await client.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
    root = ElementTree.fromstring(xml)
    return {one.attrib["name"] for one in root.iter("interface")}, {one.attrib["name"] for one in root.findall("node")}


async def test_the_objects_can_be_found_from_the_root(client: BusClient) -> None:
    assert (await introspected(client, "/"))[1] == {"org"}
    assert (await introspected(client, "/org"))[1] == {"lkedge1"}
    interfaces, children = await introspected(client, ROOT_PATH)
    assert {MANAGER, OBJECT_MANAGER} <= interfaces
    assert children == {"track"}
    assert (await introspected(client, TRACKS_PATH))[1] == {"front", "talk"}
    interfaces, _ = await introspected(client, FRONT)
    assert TRACK in interfaces
    assert OBJECT_MANAGER not in interfaces


async def test_busctl_shows_the_tree_and_the_members(client: BusClient, bus: PrivateBus) -> None:
    _, tree, _ = await busctl(bus.address, "tree", "--list", "org.lkedge1")
    assert {ROOT_PATH, FRONT} <= set(tree.split())
    _, members, _ = await busctl(bus.address, "introspect", "org.lkedge1", FRONT, TRACK)
    shown = {line.split()[0]: line.split() for line in members.splitlines()[1:]}
    assert shown[".Muted"][1:4] == ["property", "b", "false"]
    assert "writable" in shown[".Muted"]
    assert shown[".SetControl"][1:4] == ["method", "sva{sv}", "a{sv}"]


async def test_busctl_gets_sets_and_calls(client: BusClient, bus: PrivateBus, target: FakeTarget) -> None:
    name = ("org.lkedge1", FRONT, TRACK)
    assert await busctl_json(bus.address, "get-property", *name, "State") == "published"
    await busctl(bus.address, "set-property", *name, "Muted", "b", "true")
    assert target.tracks["front"].muted
    await busctl(bus.address, "call", *name, "Unmute")
    assert not target.tracks["front"].muted
    (track,) = await busctl_json(bus.address, "call", *name, "Mute", "a{sv}", "1", "persist", "b", "true")
    assert track["state"]["data"] == "muted"
    assert target.calls[-1] == ("set_muted", "front", True, True)
    await busctl(bus.address, "call", *name, "SetLayer", "sa{sv}", "h", "1", "max_bitrate", "u", "300000")
    assert target.tracks["front"].layers[1].bitrate == 300_000


async def test_all_tracks_come_with_one_call(client: BusClient) -> None:
    (found,) = await client.call(ROOT_PATH, OBJECT_MANAGER, "GetManagedObjects")
    assert set(found) == {FRONT, track_path("talk")}
    front = {name: value.value for name, value in found[FRONT][TRACK].items()}
    assert (front["Name"], front["Kind"], front["Enabled"], front["Codec"]) == ("front", "video", True, "vp8")
    assert [layer["rid"].value for layer in front["Layers"]] == ["q", "h", "f"]


async def test_a_name_that_is_no_path_is_escaped(client: BusClient, target: FakeTarget) -> None:
    target.tracks["tür/1"] = video_track("tür/1")
    assert await client.get("/org/lkedge1/track/t_c3_bcr_2f1", TRACK, "Name") == "tür/1"


async def test_enabled_is_a_property(client: BusClient, target: FakeTarget) -> None:
    await client.set(FRONT, TRACK, "Enabled", Variant("b", False))
    assert target.calls == [("set_enabled", "front", False, False)]
    assert await client.get(FRONT, TRACK, "Enabled") is False


async def test_a_picture_is_an_array_of_bytes(client: BusClient) -> None:
    (picture,) = await client.call(FRONT, TRACK, "Snapshot", "a{sv}", {"width": Variant("q", 64)})
    assert bytes(picture) == JPEG + b"64"


async def test_changes_are_told_once_and_only_what_changed(client: BusClient, target: FakeTarget) -> None:
    await client.listen()
    target.set_muted("front", True, False)
    ((_, _, path, body),) = await client.signal("PropertiesChanged")
    assert path == FRONT
    assert body[0] == TRACK
    assert {name: value.value for name, value in body[1].items()} == {"Muted": True, "State": "muted"}


async def test_measurements_and_what_is_the_same_are_not_told(client: BusClient, target: FakeTarget) -> None:
    await client.listen()
    layers = tuple(replace(layer, measured_bitrate=123) for layer in target.tracks["front"].layers)
    target.tracks["front"] = replace(target.tracks["front"], layers=layers)
    target.connection = replace(target.connection, round_trip_ms=17)
    target.tell(StatusChanged())
    target.connection = replace(target.connection, state=ConnectionState.RECONNECTING, reason="lost")
    target.tell(StatusChanged())
    ((_, _, path, body),) = await client.signal("PropertiesChanged")
    assert path == ROOT_PATH
    assert set(body[1]) == {"ConnectionState", "ConnectionReason"}


async def test_a_storm_of_changes_becomes_few_signals(client: BusClient, target: FakeTarget) -> None:
    await client.listen()
    for number in range(500):
        target.tracks["front"] = replace(target.tracks["front"], reason=f"reason {number}")
        target.tell(StatusChanged())
    await client.signal("PropertiesChanged")
    await client.call(ROOT_PATH, MANAGER, "Status")
    assert len(client.signals) <= 2
    assert client.signals[-1][3][1]["Reason"].value == "reason 499"


async def test_tracks_that_come_and_go_are_told(client: BusClient) -> None:
    await client.listen()
    settings = {"name": Variant("s", "back"), "source": Variant("s", "testsrc")}
    (added,) = await client.call(ROOT_PATH, MANAGER, "AddTrack", "a{sv}a{sv}", settings, {})
    assert added["name"].value == "back"
    ((_, _, path, body),) = await client.signal("InterfacesAdded")
    assert (path, body[0], body[1][TRACK]["Name"].value) == (ROOT_PATH, track_path("back"), "back")
    assert await client.call(track_path("back"), TRACK, "Remove") == []
    ((_, _, _, body),) = await client.signal("InterfacesRemoved")
    assert body == [track_path("back"), [TRACK]]
    assert [signal[3] for signal in await client.signal("TrackRemoved")] == [["back", track_path("back")]]


async def test_controls_and_reloads_are_told(client: BusClient, target: FakeTarget) -> None:
    await client.listen()
    (control,) = await client.call(FRONT, TRACK, "SetControl", "sv", "gain", Variant("d", 2.0))
    assert control["value"].value == 2.0
    ((_, _, path, body),) = await client.signal("ControlChanged")
    assert (path, body[0]["name"].value, body[0]["value"].value) == (FRONT, "gain", 2.0)
    target.tell(Reloaded(FakePlan("one track added")))
    target.tell(Reloaded(None, ("front: no such source",)))
    reloads = await client.signal("Reloaded", 2)
    assert reloads[0][3] == [True, "one track added", []]
    assert (reloads[1][3][0], reloads[1][3][2]) == (False, ["front: no such source"])


@pytest.mark.parametrize(
    ("path", "interface", "member", "signature", "body", "error"),
    [
        ("/org/lkedge1/track/none", TRACK, "Mute", "", [], "org.lkedge1.Error.NotFound"),
        (FRONT, TRACK, "Mute", "b", [True], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "Mute", "a{sv}", [{"persist": Variant("s", "yes")}], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "Mute", "a{sv}", [{"loud": Variant("b", True)}], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "Mute", "a{sv}", [{"track": Variant("s", "talk")}], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "SetLayer", "s", ["x"], "org.lkedge1.Error.NotFound"),
        (FRONT, TRACK, "SetControl", "sv", ["gain", Variant("ay", b"x")], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "SetControl", "sv", ["gain", Variant("d", float("nan"))], "org.lkedge1.Error.InvalidArgument"),
        (FRONT, TRACK, "Explode", "", [], "org.freedesktop.DBus.Error.UnknownMethod"),
        (ROOT_PATH, TRACK, "Mute", "", [], "org.freedesktop.DBus.Error.UnknownMethod"),
        (FRONT, "org.example.None", "Mute", "", [], "org.freedesktop.DBus.Error.UnknownMethod"),
        (FRONT, OBJECT_MANAGER, "GetManagedObjects", "", [], "org.freedesktop.DBus.Error.UnknownMethod"),
        ("/org/lkedge1/track/none", "org.freedesktop.DBus.Introspectable", "Introspect", "", [],
         "org.freedesktop.DBus.Error.UnknownObject"),
        ("/org/lkedge1/track/none", "org.freedesktop.DBus.Properties", "GetAll", "s", [TRACK],
         "org.lkedge1.Error.NotFound"),
        (FRONT, "org.freedesktop.DBus.Properties", "Get", "ss", [TRACK, "None"],
         "org.freedesktop.DBus.Error.UnknownProperty"),
        (FRONT, "org.freedesktop.DBus.Properties", "Get", "s", [TRACK], "org.freedesktop.DBus.Error.InvalidArgs"),
        (FRONT, "org.freedesktop.DBus.Properties", "GetAll", "s", [MANAGER],
         "org.freedesktop.DBus.Error.UnknownInterface"),
        (FRONT, "org.freedesktop.DBus.Properties", "Set", "ssv", [TRACK, "State", Variant("s", "x")],
         "org.freedesktop.DBus.Error.PropertyReadOnly"),
        (FRONT, "org.freedesktop.DBus.Properties", "Set", "ssv", [TRACK, "Muted", Variant("s", "x")],
         "org.lkedge1.Error.InvalidArgument"),
    ],
)  # fmt: skip
async def test_wrong_calls_are_refused_with_a_reason(
    client: BusClient, target: FakeTarget, path: str, interface: str, member: str, signature: str, body: list[object],
    error: str,
) -> None:  # fmt: skip
    with pytest.raises(Refused) as caught:
        await client.call(path, interface, member, signature, *body)
    assert caught.value.name == error
    assert len(caught.value.text) > 10
    assert target.calls == []


async def test_a_method_is_found_without_its_interface(client: BusClient, target: FakeTarget) -> None:
    await client.call(FRONT, None, "Mute")  # type: ignore[arg-type]
    assert target.tracks["front"].muted


async def test_a_bus_that_comes_later_is_taken_up(
    bus: PrivateBus, target: FakeTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge.control.dbus")
    bus.stop()
    async with serving(target) as service:
        await until(lambda: "not on D-Bus" in caplog.text)
        assert not service.is_on_bus
        bus.start()
        await until(lambda: service.is_on_bus)
        async with connected(bus.address) as client:
            await until_served(client)
    assert caplog.text.count("not on D-Bus") == 1


async def test_a_restarted_bus_is_taken_up_again(
    bus: PrivateBus, target: FakeTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge.control.dbus")
    async with serving(target) as service:
        await until(lambda: service.is_on_bus and target.listeners > 0)
        bus.stop()
        await until(lambda: not service.is_on_bus and target.listeners == 0)
        bus.start()
        await until(lambda: service.is_on_bus)
        async with connected(bus.address) as client:
            await until_served(client)
            await client.call(FRONT, TRACK, "Mute")
    assert "D-Bus is gone" in caplog.text
    assert target.tracks["front"].muted


async def test_a_second_daemon_waits_for_the_name(
    bus: PrivateBus, target: FakeTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge.control.dbus")
    async with serving(FakeTarget()) as first:
        await until(lambda: first.is_on_bus)
        async with serving(target) as second:
            await until(lambda: "another process is org.lkedge1" in caplog.text)
            assert not second.is_on_bus
            await first.stop()
            await until(lambda: second.is_on_bus)


async def test_a_bus_that_stands_still_holds_nothing_up(bus: PrivateBus, target: FakeTarget) -> None:
    async with serving(target) as service:
        await until(lambda: service.is_on_bus and target.listeners > 0)
        os.kill(bus.pid, signal.SIGSTOP)
        try:
            target.set_muted("front", True, False)
            async with asyncio.timeout(20):
                await service.stop()
            service.start()
            await until(lambda: service.is_on_bus is False)
        finally:
            os.kill(bus.pid, signal.SIGCONT)
        await until(lambda: service.is_on_bus)


async def test_a_refused_reload_names_the_problems(client: BusClient, target: FakeTarget) -> None:
    target.failure = ConfigError(["line 3: wrong", "line 4: wrong too"])
    with pytest.raises(Refused, match="line 4: wrong too") as caught:
        await client.call(ROOT_PATH, MANAGER, "Reload")
    assert caught.value.name == "org.lkedge1.Error.InvalidArgument"


async def test_a_fault_of_ours_is_an_error_that_tells_nothing(client: BusClient, target: FakeTarget) -> None:
    target.failure = ZeroDivisionError("secret detail")
    with pytest.raises(Refused) as caught:
        await client.call(ROOT_PATH, MANAGER, "Reload")
    assert caught.value.name == "org.lkedge1.Error.Internal"
    assert "secret" not in caught.value.text
    await until_served(client)
