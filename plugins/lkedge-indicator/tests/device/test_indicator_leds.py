"""The LED class of a real kernel: a keyboard made with uinput, whose LEDs tell what the kernel sets."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lkedge_indicator.options import IndicatorOptions
from lkedge_indicator.plugin import IndicatorPlugin

pytestmark = pytest.mark.device

SET_EVBIT, SET_LEDBIT, DEV_SETUP, DEV_CREATE = 0x40045564, 0x40045569, 0x405C5503, 0x5501
GET_SYSNAME = 0x8040552C
EV_LED, LED_SCROLLLOCK = 0x11, 2
EVENT = struct.Struct("llHHi")
DEADLINE_S = 20
BUS_USB = 3

UNPRIVILEGED = """
import sys
from lkedge_indicator.led import Led
try:
    Led(sys.argv[1])
except Exception as error:
    print(error)
"""


class Keyboard:
    """A keyboard with one light."""

    def __init__(self) -> None:
        subprocess.run(["modprobe", "uinput"], check=True, timeout=60)
        self._fd = os.open("/dev/uinput", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self._fd, SET_EVBIT, EV_LED)
        fcntl.ioctl(self._fd, SET_LEDBIT, LED_SCROLLLOCK)
        fcntl.ioctl(self._fd, DEV_SETUP, struct.pack("HHHH80sI", BUS_USB, 1, 1, 1, b"lkedge test", 0))
        fcntl.ioctl(self._fd, DEV_CREATE)
        name = fcntl.ioctl(self._fd, GET_SYSNAME, bytes(64)).rstrip(b"\0").decode()
        self.led = f"{name}::scrolllock"
        self.folder = Path("/sys/class/leds") / self.led

    def next_light(self) -> bool:
        """What the kernel sets the light to, next."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            select.select([self._fd], [], [], 1)
            try:
                _, _, kind, code, value = EVENT.unpack(os.read(self._fd, EVENT.size))
            except BlockingIOError:
                continue
            if (kind, code) == (EV_LED, LED_SCROLLLOCK):
                return bool(value)
        raise AssertionError(f"the kernel set nothing within {DEADLINE_S} s")

    def trigger(self) -> str:
        return (self.folder / "trigger").read_text().partition("[")[2].partition("]")[0]

    def unplug(self) -> None:
        os.close(self._fd)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    keyboard = Keyboard()
    deadline = time.monotonic() + DEADLINE_S
    while not keyboard.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield keyboard
    keyboard.unplug()


def test_the_kernel_sets_what_is_captured(keyboard: Keyboard) -> None:
    assert keyboard.trigger() == "kbd-scrolllock"
    plugin = IndicatorPlugin()
    plugin.lkedge_configure(IndicatorOptions(led=keyboard.led))
    assert keyboard.trigger() == "none"
    for captures in (True, False, True):
        plugin.lkedge_capture_changed("front", captures)
        assert keyboard.next_light() is captures
    plugin.lkedge_shutdown()
    plugin.lkedge_capture_changed("front", False)
    assert keyboard.next_light() is False
    assert keyboard.trigger() == "kbd-scrolllock"


def test_active_low(keyboard: Keyboard) -> None:
    plugin = IndicatorPlugin()
    plugin.lkedge_configure(IndicatorOptions(led=keyboard.led, active_low=True))
    assert keyboard.next_light() is True
    plugin.lkedge_capture_changed("front", True)
    assert keyboard.next_light() is False
    plugin.lkedge_configure(None)


def test_unplugged_light_is_told(keyboard: Keyboard, caplog: pytest.LogCaptureFixture) -> None:
    plugin = IndicatorPlugin()
    plugin.lkedge_configure(IndicatorOptions(led=keyboard.led))
    replacement = Keyboard()
    keyboard.unplug()
    plugin.lkedge_capture_changed("front", True)
    assert "the indicator does not show what is captured" in caplog.text
    plugin.lkedge_configure(IndicatorOptions(led=replacement.led))
    assert replacement.next_light() is True
    plugin.lkedge_configure(None)
    keyboard._fd = replacement._fd


def test_who_may_not_write_is_told_how(keyboard: Keyboard) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, keyboard.led],
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "let the user of lkedge write" in done.stdout, done.stdout + done.stderr
