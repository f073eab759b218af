"""Faults of the guest's devices, while the daemon inside uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.device.harness.guest import Guest

VIVID = "/sys/bus/platform/drivers/vivid"
VIVID_DEVICE = "vivid.0"
VIMC = "/sys/bus/platform/drivers/vimc"
VIMC_DEVICE = "vimc.0"
VICODEC = "/sys/module/vicodec/parameters"
VIRTUAL = "/usr/share/libcamera/pipeline/virtual/virtual.yaml"
PICAMERA2 = "/opt/lkedge/lib/python3.13/site-packages/picamera2/picamera2.py"

VIRTUAL_CAMERA = """
"Sensor V":
  supported_formats:
  - width: 320
    height: 180
    frame_rates:
    - 30
    - 60
  test_pattern: "bars"
  location: "CameraLocationFront"
  model: "virtual"
"""
ASK_FOR_VIDEO = "/def _get_raw_modes/,/raw_formats/s/StreamRole.Raw/StreamRole.VideoRecording/"
"""A virtual camera has no raw stream, without which picamera2 does not open it."""


async def set_controls(guest: Guest, name: str, **controls: int) -> None:
    """Set V4L2 controls of /dev/lab/NAME, by another process than the daemon's. Raises LabError."""
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


@asynccontextmanager
async def aborting_camera(guest: Guest) -> AsyncIterator[None]:
    """libcamera's virtual camera instead of vimc: an assertion in its C++ ends whoever takes a picture of it."""
    await _write(guest, f"{VIMC}/unbind", VIMC_DEVICE)
    await asyncio.to_thread(guest.push, VIRTUAL_CAMERA.encode(), VIRTUAL)
    await _run(guest, "sed", "--in-place=.whole", ASK_FOR_VIDEO, PICAMERA2)
    try:
        yield
    finally:
        await _run(guest, "mv", f"{PICAMERA2}.whole", PICAMERA2)
        await _run(guest, "rm", VIRTUAL)
        await _write(guest, f"{VIMC}/bind", VIMC_DEVICE)


async def encoder_damages(guest: Guest, pictures: int) -> None:
    """The next pictures come back from vicodec's encoder as damaged (lab/vicodec-faults.patch)."""
    await _write(guest, f"{VICODEC}/damage", str(pictures))


@asynccontextmanager
async def encoder_stalls(guest: Guest) -> AsyncIterator[None]:
    """vicodec's encoder keeps what it is given until its queue is stopped, as hardware that hangs; so does the next."""
    await _write(guest, f"{VICODEC}/stall", str(1_000_000))
    try:
        yield
    finally:
        await _write(guest, f"{VICODEC}/stall", "0")


async def send_signal(guest: Guest, track: str, name: str) -> None:
    """Send a signal to the worker process of a track, such as STOP or ABRT. Raises LabError when it has none."""
    await _run(guest, "pkill", f"-{name}", "--exact", f"lkedge:{track}"[:15])


async def quicken_sensor(guest: Guest) -> None:
    """vimc averages much in software; without that it takes half the time for a picture."""
    script = (
        'for node in /sys/class/video4linux/v4l-subdev*; do grep -qx "Debayer B" $node/name || continue; '
        "v4l2-ctl -d /dev/${node##*/} -c debayer_mean_window_size=1; done"
    )
    await _run(guest, "sh", "-c", script)


async def _write(guest: Guest, path: str, text: str) -> None:
    await asyncio.to_thread(lambda: guest.run("sh", "-c", 'printf %s "$1" > "$0"', path, text).check())


async def _run(guest: Guest, *argv: str) -> None:
    await asyncio.to_thread(lambda: guest.run(*argv).check())
