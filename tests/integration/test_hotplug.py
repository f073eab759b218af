"""A source that failed is opened as soon as udev tells of a device, not when its next attempt is due."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.daemon.hotplug import HEADER, NETLINK_KOBJECT_UEVENT, UDEV_GROUP
from lkedge.plugin.manager import PluginManager
from lkedge.publish.state import TrackState
from lkedge.worker import capture
from lkedge.worker.backoff import BackOff

DEADLINE_S = 30
NEVER_S = 3600.0

CONFIG = """
[livekit]
url = "ws://127.0.0.1:9"
token_file = "token.jwt"

[[track]]
name = "clip"
source = "file"
publish_as = "camera"
isolation = "thread"
file = { path = "clip.y4m" }
"""

PICTURE = b"YUV4MPEG2 W32 H32 F10:1 C420jpeg\n" + (b"FRAME\n" + bytes(32 * 32 * 3 // 2)) * 20


def tell_as_udev(**properties: str) -> None:
    body = b"".join(f"{key}={value}\0".encode() for key, value in properties.items())
    sizes = b"".join(number.to_bytes(4, sys.byteorder) for number in (40, 40, len(body)))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT) as udev:
        udev.sendto(HEADER + sizes + bytes(16) + body, (0, UDEV_GROUP))


async def until(daemon: Daemon, state: TrackState) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while daemon.status().tracks[0].state is not state:
            await asyncio.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="speaking as udev needs root: run the tests as root")
async def test_a_device_that_came_is_tried_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "BackOff", lambda: BackOff((NEVER_S,)))
    (tmp_path / "token.jwt").write_text("not.looked.at")
    config = tmp_path / "lkedge.toml"
    config.write_text(CONFIG)
    plugins = PluginManager(load_entry_points=False)
    daemon = Daemon(load(config, plugins.registry), plugins=plugins)
    await daemon.start()
    try:
        await until(daemon, TrackState.FAILED)
        (tmp_path / "part").write_bytes(PICTURE)
        shutil.move(tmp_path / "part", tmp_path / "clip.y4m")
        tell_as_udev(ACTION="add", SUBSYSTEM="video4linux")
        await until(daemon, TrackState.READY)
    finally:
        await daemon.stop()
