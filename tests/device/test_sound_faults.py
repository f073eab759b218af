"""Faults of a sound card: told, survived without a restart, the same track, and other tracks go on."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from tests.device.harness.guest import Guest
from tests.device.harness.sound import CAPTURE, card_removed, playing, rate_shifted
from tests.device.harness.watched import DEADLINE_S, Watched, watching
from tests.sfu.harness.sfu import Sfu

MICROPHONE = f"""
[[track]]
name = "mic"
source = "alsa"
alsa = {{ device = "{CAPTURE}", microphone = false, buffer = 2000, stall_after = 20 }}
"""

LOUD, QUIET = 0.05, 0.005

FAST, SLOW = 99_900, 100_100
"""For "PCM Rate Shift 100000": how long a second takes. 1000 ppm is the most that is corrected."""

FOUND_PPM = 400
"""Nobody finds so much drift in a card whose clock is right, and everybody in one that is 1000 ppm off."""


async def hears(watched: Watched, *, is_loud: bool) -> None:
    """The tone, or silence."""

    def is_so() -> bool:
        record = watched.viewer.audio.get("mic")
        return record is not None and (record.rms > LOUD if is_loud else record.rms < QUIET)

    await watched.wait_for_seen(is_so)


async def wait_for_correction(watched: Watched, is_found: Callable[[int], bool]) -> None:
    """Until the source says that it corrects the drift of the card by such an amount, in ppm."""
    told: list[str] = []
    until = time.monotonic() + DEADLINE_S
    while not (told and is_found(int(told[-1]))):
        assert time.monotonic() < until, f"not found within {DEADLINE_S} s: {told}"
        await asyncio.sleep(2)
        told = re.findall(r"drift is corrected by ([+-]\d+) ppm", await watched.daemon.journal())


async def test_a_player_that_leaves_is_silence_and_the_next_one_is_heard(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    """snd-aloop's other half is closed and opened: the microphone neither fails nor ends."""
    async with watching(guest, lab_sfu, room_name, MICROPHONE) as watched:
        for _ in range(2):
            async with playing(guest):
                await hears(watched, is_loud=True)
            await hears(watched, is_loud=False)
        await watched.expect_same_worker()
        await watched.expect_pattern_went_on()

    assert watched.states <= {"published"}


async def test_a_card_whose_clock_is_wrong_is_corrected_unheard(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    """Too fast, then too slow: each is found while it plays, without an interruption."""
    async with watching(guest, lab_sfu, room_name, MICROPHONE, log="lkedge_alsa=debug") as watched, playing(guest):
        await hears(watched, is_loud=True)
        async with rate_shifted(guest, FAST):
            await wait_for_correction(watched, lambda ppm: ppm < -FOUND_PPM)
        async with rate_shifted(guest, SLOW):
            await wait_for_correction(watched, lambda ppm: ppm > FOUND_PPM)
            await hears(watched, is_loud=True)
        await watched.expect_same_worker()
        await watched.expect_pattern_went_on()

    assert watched.states <= {"published"}


async def test_a_card_that_is_removed_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, MICROPHONE) as watched:
        async with card_removed(guest):
            failed = await watched.daemon.wait_state("mic", "failed", watched.history_start)
            await watched.viewer.wait_for_frames("pattern", 10, DEADLINE_S)
        await watched.expect_same_worker()
        async with playing(guest):
            await hears(watched, is_loud=True)
        await watched.expect_pattern_went_on()

    assert "Loopback" in failed["reason"]
