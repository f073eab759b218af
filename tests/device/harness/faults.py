"""Faults of the guest's devices, while the daemon inside uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.device.harness.guest import Guest

VIVID = "/sys/bus/platform/drivers/vivid"
VIVID_DEVICE = "vivid.0"


async def set_controls(guest: Guest, name: str, **controls: int) -> None:
    """Set V4L2 controls of /dev/lab/NAME, by another process than the daemon's. Raises GuestError."""
    words = ",".join(f"{control}={value}" for control, value in controls.items())
    await _run(guest, "v4l2-ctl", "-d", f"/dev/lab/{name}", "-c", words)


@asynccontextmanager
async def disconnected(guest: Guest, name: str) -> AsyncIterator[None]:
    """vivid's own fault: every call fails with ENODEV until the last descriptor is closed; one is held here."""
    unit = f"hold-{name}"
    hold = f"exec 3< /dev/lab/{name}; v4l2-ctl -d /dev/lab/{name} -c disconnect=1; exec sleep infinity"
    await _run(guest, "systemd-run", "-q", "--collect", f"--unit={unit}", "sh", "-c", hold)
    try:
        yield
    finally:
        await _run(guest, "systemctl", "stop", unit)


@asynccontextmanager
async def unplugged(guest: Guest) -> AsyncIterator[None]:
    """All of vivid's nodes go, with udev's events, and come back."""
    await _write(guest, f"{VIVID}/unbind", VIVID_DEVICE)
    try:
        yield
    finally:
        await _write(guest, f"{VIVID}/bind", VIVID_DEVICE)


async def _write(guest: Guest, path: str, text: str) -> None:
    await asyncio.to_thread(lambda: guest.run("sh", "-c", 'printf %s "$1" > "$0"', path, text).check())


async def _run(guest: Guest, *argv: str) -> None:
    await asyncio.to_thread(lambda: guest.run(*argv).check())
