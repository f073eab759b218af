"""org.lkedge1 on a real system bus, as busctl sees it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.service.harness.service import BACK, FRONT, Service

NAME = "org.lkedge1"
ROOT = "/org/lkedge1"
TRACK = f"{ROOT}/track/front"
away = asyncio.to_thread
"""The loop of the viewer goes on while a command runs inside."""


async def ready(service: Service) -> None:
    """Started, in the room, and on the bus."""
    await away(service.start)
    await away(service.wait_for, lambda: on_bus(service), "the name on the bus")
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")


def on_bus(service: Service) -> bool:
    return service.busctl("status", NAME).returncode == 0


def call(service: Service, path: str, interface: str, member: str, *words: str) -> Any:
    """A method call and its reply, as busctl writes it in JSON."""
    done = service.busctl("--json=short", "call", NAME, path, f"{NAME}.{interface}", member, *words).check()
    return json.loads(done.stdout)["data"] if done.stdout.strip() else None


def value(service: Service, name: str) -> Any:
    """A property of the track."""
    done = service.busctl("--json=short", "get-property", NAME, TRACK, f"{NAME}.Track", name).check()
    return json.loads(done.stdout)["data"]


async def test_objects_are_found_and_described(any_service: Service) -> None:
    await away(any_service.configure, FRONT + BACK)
    await ready(any_service)
    tree = any_service.busctl("tree", "--list", NAME).check().stdout
    assert {ROOT, TRACK, f"{ROOT}/track/back"} <= set(tree.split())
    described = any_service.busctl("introspect", NAME, TRACK).check().stdout
    for member in (".Mute", ".Snapshot", ".State", ".Layers", ".ControlChanged"):
        assert member in described
    managed = any_service.busctl("call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects").check()
    assert TRACK in managed.stdout


async def test_properties_and_methods(service: Service) -> None:
    await ready(service)
    assert value(service, "State") == "published"
    assert value(service, "Muted") is False
    service.busctl("set-property", NAME, TRACK, f"{NAME}.Track", "Muted", "b", "true").check()
    assert value(service, "Muted") is True
    call(service, TRACK, "Track", "Unmute")
    assert value(service, "Muted") is False
    assert call(service, ROOT, "Manager", "Status")[0]["pid"]["data"] == service.pid


async def test_changes_are_told(service: Service) -> None:
    await ready(service)
    monitor = service.machine.start("busctl", "--system", "--json=short", "monitor", NAME, lifetime_s=8)
    await asyncio.sleep(1)
    for command in ("mute", "unmute"):
        (await away(service.ctl, command, "front")).check()
    output, _ = await away(monitor.communicate, timeout=20)
    messages = [json.loads(line) for line in output.decode().splitlines() if line.startswith("{")]
    changed = [one["payload"]["data"] for one in messages if one.get("member") == "PropertiesChanged"]
    assert any("Muted" in payload[1] for payload in changed), messages


async def test_errors_have_names(service: Service) -> None:
    await ready(service)
    done = service.busctl("call", NAME, f"{ROOT}/track/nobody", f"{NAME}.Track", "Mute")
    assert done.returncode != 0
    done = service.busctl("call", NAME, TRACK, f"{NAME}.Track", "SetLayer", "sa{sv}", "q", "1", "max_bitrate", "s", "x")
    assert done.returncode != 0
    assert "max_bitrate" in done.output


async def test_it_comes_back_when_the_bus_is_restarted(service: Service) -> None:
    await ready(service)
    before = service.pid
    service.machine.run("systemctl", "kill", "-s", "KILL", "dbus.service")
    service.machine.run("systemctl", "reset-failed", "dbus.service")
    service.machine.wait_for("systemctl", "restart", "dbus.service")
    await away(service.wait_for, lambda: on_bus(service), "the name on the bus again")
    assert service.pid == before
    assert value(service, "State") == "published"


async def test_it_lives_without_a_bus(service: Service) -> None:
    service.machine.shell("systemctl stop dbus.socket dbus.service")
    try:
        await away(service.start)
        await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    finally:
        service.machine.shell("systemctl start dbus.socket dbus.service")
    await away(service.wait_for, lambda: on_bus(service), "the name on the bus")
