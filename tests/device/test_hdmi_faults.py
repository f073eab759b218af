"""Faults of the HDMI signal: told as a condition, shown as a slate, healed in place, and other tracks go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.device.harness.faults import set_controls, unplugged
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import HDMI
from tests.device.harness.watched import DEADLINE_S, Watched, watching
from tests.sfu.harness.sfu import Sfu

SLATE_DARKNESS = 60
"""Mean luma: a slate is a few words on black, vivid's picture is colour bars."""

NO_SIGNAL, NO_LOCK, OUT_OF_RANGE, SELECTED = 1, 2, 3, 4
"""Of vivid's control dv_timings_signal_mode; without a signal vivid takes the 5 V away too."""

NTSC, PAL = 2, 4
"""Of vivid's control dv_timings: 720x480 and 720x576, the smallest, both progressive."""


async def expect_slate(watched: Watched, condition: str) -> None:
    """The track is still published, says what is wrong, and shows it."""
    await wait_for_condition(watched, condition)
    await watched.wait_for_seen(lambda: watched.brightness.newest["hdmi"] < SLATE_DARKNESS)
    await watched.viewer.wait_for_frames("hdmi", 3, DEADLINE_S)
    assert watched.brightness.newest["hdmi"] < SLATE_DARKNESS


async def expect_picture(watched: Watched) -> None:
    """Pictures of the signal again, in the same track of the same worker, and the other track had no gap."""
    await wait_for_condition(watched, "")
    await watched.wait_for_seen(lambda: watched.brightness.newest["hdmi"] > SLATE_DARKNESS)
    await watched.viewer.wait_for_frames("hdmi", 3, DEADLINE_S)
    await watched.expect_same_worker()
    await watched.expect_pattern_went_on()


async def wait_for_condition(watched: Watched, condition: str) -> None:
    def is_told() -> bool:
        return bool(watched.track["state"] == "published" and watched.track["condition"] == condition)

    await watched.daemon.wait_for(is_told)


@asynccontextmanager
async def signal(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    """A good one, and its picture is seen."""
    await set_controls(guest, "hdmi", dv_timings=NTSC)
    await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)
    async with watching(guest, sfu, room, HDMI) as watched:
        try:
            await expect_picture(watched)
            yield watched
        finally:
            await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)


@pytest.mark.parametrize(
    ("mode", "condition"), [(NO_SIGNAL, "no cable"), (NO_LOCK, "no sync"), (OUT_OF_RANGE, "out of range")]
)
async def test_a_fault_of_the_signal_is_told_and_shown_and_heals(
    guest: Guest, lab_sfu: Sfu, room_name: str, mode: int, condition: str
) -> None:
    async with signal(guest, lab_sfu, room_name) as watched:
        await set_controls(guest, "hdmi", dv_timings_signal_mode=mode)
        await expect_slate(watched, condition)
        await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)
        await expect_picture(watched)


async def test_another_size_of_the_signal_is_followed_in_the_same_track(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    async with signal(guest, lab_sfu, room_name) as watched:
        await set_controls(guest, "hdmi", dv_timings=PAL)
        await watched.daemon.wait_for_journal("the signal is 720x576")
        await expect_picture(watched)


async def test_an_input_that_is_unplugged_is_a_slate_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with signal(guest, lab_sfu, room_name) as watched:
        async with unplugged(guest):
            await expect_slate(watched, "no device")
        await expect_picture(watched)
