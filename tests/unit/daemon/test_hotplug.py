from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest

from lkedge.daemon import hotplug
from lkedge.daemon.hotplug import HEADER, NETLINK_KOBJECT_UEVENT, UDEV_GROUP, HotplugMonitor, is_arrival, parse

HEADER_SIZE = 40


def message(**properties: str) -> bytes:
    """As systemd's udev sends it: prefix, magic, sizes, four filter words, then the properties."""
    body = b"".join(f"{key}={value}\0".encode() for key, value in properties.items())
    sizes = b"".join(number.to_bytes(4, sys.byteorder) for number in (HEADER_SIZE, HEADER_SIZE, len(body)))
    return HEADER + sizes + bytes(16) + body


CAMERA = message(ACTION="add", DEVPATH="/devices/usb1/video4linux/video0", SUBSYSTEM="video4linux", SEQNUM="7")


def test_properties_are_read() -> None:
    assert parse(CAMERA)["DEVPATH"] == "/devices/usb1/video4linux/video0"


@pytest.mark.parametrize(
    ("properties", "arrives"),
    [
        ({"ACTION": "add", "SUBSYSTEM": "video4linux"}, True),
        ({"ACTION": "add", "SUBSYSTEM": "sound"}, True),
        ({"ACTION": "change", "SUBSYSTEM": "drm"}, True),
        ({"ACTION": "remove", "SUBSYSTEM": "video4linux"}, False),
        ({"ACTION": "add", "SUBSYSTEM": "block"}, False),
        ({}, False),
    ],
)
def test_arrivals(properties: dict[str, str], arrives: bool) -> None:
    assert is_arrival(message(**properties)) is arrives


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"libudev\0",
        HEADER,
        HEADER + b"\xff" * 40,
        b"add@/devices/usb1\0ACTION=add\0SUBSYSTEM=video4linux\0",
        CAMERA[:60],
        message(ACTION="add").replace(b"ACTION", b"\xff\xfe\xfdION"),
    ],
)
def test_anything_else_is_no_arrival(garbage: bytes) -> None:
    assert not is_arrival(garbage)


@pytest.mark.skipif(os.geteuid() != 0, reason="sending to udev's listeners needs root: run the tests as root")
async def test_a_burst_of_messages_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotplug, "SETTLE_S", 0.05)
    told: asyncio.Queue[None] = asyncio.Queue()
    monitor = HotplugMonitor(lambda: told.put_nowait(None))
    monitor.start()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT) as udev:
        for _ in range(5):
            udev.sendto(CAMERA, (0, UDEV_GROUP))
    async with asyncio.timeout(5):
        await told.get()
    monitor.stop()
    assert told.empty()


async def test_without_netlink_there_are_just_no_events(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden() -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(hotplug, "_monitor", forbidden)
    monitor = HotplugMonitor(lambda: None)
    with caplog.at_level("INFO"):
        monitor.start()
    monitor.stop()
    assert "no hot-plug events" in caplog.text
