"""What is played into the guest's sound card, snd-aloop, and the faults of that card."""

from __future__ import annotations

import array
import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.device.harness.guest import Guest

DRIVER = "/sys/bus/platform/drivers/snd_aloop"
DEVICE = "snd_aloop.0"
CAPTURE = "hw:CARD=Loopback,DEV=0,SUBDEV=0"
"""The half whose rate can be shifted."""

PLAYBACK = "hw:CARD=Loopback,DEV=1,SUBDEV=0"
TONE = "/srv/tone.raw"
FORMAT = "-q -t raw -f S16_LE -c 1 -r 48000 -B 1000000"
RATE_CONTROL = "iface=PCM,name='PCM Rate Shift 100000'"
RIGHT_RATE = 100_000


@asynccontextmanager
async def playing(guest: Guest) -> AsyncIterator[None]:
    """A tone of 440 Hz, captured by CAPTURE; then nobody has the other half open."""
    await asyncio.to_thread(guest.push, _tone(), TONE)
    # A player may fail when the other half is just opened or closed.
    play = f"while :; do while cat {TONE}; do :; done | aplay {FORMAT} -D {PLAYBACK}; sleep 0.5; done"
    await _run(guest, "systemd-run", "-q", "--collect", "--unit=player", "sh", "-c", play)
    try:
        yield
    finally:
        await _run(guest, "systemctl", "stop", "player")


@asynccontextmanager
async def rate_shifted(guest: Guest, rate: int) -> AsyncIterator[None]:
    """A second of CAPTURE takes `rate` 100000ths of one."""
    await _set_rate(guest, rate)
    try:
        yield
    finally:
        await _set_rate(guest, RIGHT_RATE)


@asynccontextmanager
async def card_removed(guest: Guest) -> AsyncIterator[None]:
    """All of the card goes, as if it were unplugged; the kernel waits until nobody has it open any more."""
    await _write(guest, f"{DRIVER}/unbind")
    try:
        yield
    finally:
        await _write(guest, f"{DRIVER}/bind")


async def _set_rate(guest: Guest, rate: int) -> None:
    await _run(guest, "amixer", "-q", "-c", "Loopback", "cset", RATE_CONTROL, str(rate))


def _tone() -> bytes:
    """One second; it can be repeated without a step."""
    step = 2 * math.pi * 440 / 48_000
    return array.array("h", [round(10_000 * math.sin(step * index)) for index in range(48_000)]).tobytes()


async def _write(guest: Guest, path: str) -> None:
    await _run(guest, "sh", "-c", 'printf %s "$1" > "$0"', path, DEVICE)


async def _run(guest: Guest, *argv: str) -> None:
    await asyncio.to_thread(lambda: guest.run(*argv).check())
