"""Hears from udev that a device came, so that a camera plugged in again is back within a second.

udev tells its listeners over netlink, after it has set owner, group and links of a device
(udev_monitor_new_from_netlink(3) with "udev"; the kernel's own messages come before that).
Without udev, as in most containers, nothing arrives, and sources are tried again by their
back-off alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Literal

logger = logging.getLogger(__name__)

NETLINK_KOBJECT_UEVENT = 15
UDEV_GROUP = 2
"""UDEV_MONITOR_UDEV of libudev; the kernel's is 1."""

MAGIC = 0xFEED_CAFE.to_bytes(4, "big")
HEADER = b"libudev\0" + MAGIC
"""struct monitor_netlink_header of systemd's sd-device/device-monitor.c: prefix, magic, then
header size, offset and length of the properties as native 32-bit numbers."""

_ORDER: Literal["little", "big"] = sys.byteorder

SUBSYSTEMS = frozenset({"video4linux", "media", "sound", "drm", "usb", "dma_heap"})
ACTIONS = frozenset({"add", "change", "bind"})
MAX_MESSAGE = 16 * 1024
SETTLE_S = 0.3
"""One camera is a dozen devices, and each tells of itself."""


class HotplugMonitor:
    """Calls `on_device` a moment after devices came. Owned by the event loop."""

    def __init__(self, on_device: Callable[[], None]) -> None:
        self._on_device = on_device
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to listen; without netlink (a sandbox that forbids it) there is a line in the log, and no events."""
        try:
            self._socket = _monitor()
        except OSError as error:
            logger.info("no hot-plug events: %s; a device that comes back is found by trying", error)
            return
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        monitor, self._socket = self._socket, None
        if monitor is not None:
            asyncio.get_running_loop().remove_reader(monitor)
            monitor.close()

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            message = self._socket.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            # Messages were lost (ENOBUFS): one of them may have been the one.
            self._settle()
            return
        if is_arrival(message):
            self._settle()

    def _settle(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLE_S, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._on_device()


def is_arrival(message: bytes) -> bool:
    """Whether udev tells that a device came which may be somebody's source."""
    properties = parse(message)
    return properties.get("ACTION") in ACTIONS and properties.get("SUBSYSTEM") in SUBSYSTEMS


def parse(message: bytes) -> dict[str, str]:
    """The properties of one message of udev; empty for anything else."""
    if not message.startswith(HEADER) or len(message) < 24:
        return {}
    offset, length = (int.from_bytes(message[at : at + 4], _ORDER) for at in (16, 20))
    entries = message[offset : offset + length].decode(errors="replace").split("\0")
    pairs = (entry.partition("=") for entry in entries if "=" in entry)
    return {key: value for key, _, value in pairs}


def _monitor() -> socket.socket:
    monitor = socket.socket(
        socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT
    )
    try:
        monitor.bind((0, UDEV_GROUP))
    except OSError:
        monitor.close()
        raise
    return monitor
