"""Faults of a sound card: told, survived without a restart, the same track, and other tracks go on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.device.harness.daemon import GuestDaemon, guest_daemon
from tests.device.harness.guest import Guest
from tests.device.harness.sound import CAPTURE, card_removed, playing, rate_shifted
from tests.device.harness.tracks import PATTERN
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber

MICROPHONE = f"""
[[track]]
name = "mic"
source = "alsa"
alsa = {{ device = "{CAPTURE}", microphone = false, buffer = 2000, stall_after = 20 }}
"""

SOUND_DEADLINE_S = 180.0
LONGEST_GAP_MS = 20_000
"""Of the other track. An emulated machine on a busy host stands still for seconds."""

LOUD, QUIET = 0.05, 0.005
MUCH_SOUND = 500
"""Blocks of 10 ms."""


@dataclass
class Watched:
    """The daemon inside with a microphone and a pattern, and a viewer outside who hears and sees them."""

    daemon: GuestDaemon
    viewer: Subscriber
    sid: str
    restarts: int
    started_ns: int

    async def hears(self, *, is_loud: bool) -> None:
        """The tone, or silence."""

        def is_so() -> bool:
            record = self.viewer.audio.get("mic")
            return record is not None and (record.rms > LOUD if is_loud else record.rms < QUIET)

        await self.viewer.wait_for(is_so, SOUND_DEADLINE_S)

    async def expect_same_track(self) -> None:
        await self.daemon.wait_for(lambda: self.daemon.track("mic")["state"] == "published")
        track = self.daemon.track("mic")
        assert (track["sid"], track["restarts"]) == (self.sid, self.restarts)
        assert self.viewer.events.count(("subscribed", "mic")) == 1

    def expect_pattern_went_on(self) -> None:
        assert self.viewer.video["pattern"].longest_freeze_ms(self.started_ns) < LONGEST_GAP_MS
        assert self.viewer.events.count(("subscribed", "pattern")) == 1
        assert ("unsubscribed", "pattern") not in self.viewer.events


@asynccontextmanager
async def listening(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    async with (
        guest_daemon(guest, sfu, room, MICROPHONE + PATTERN) as daemon,
        Subscriber(sfu.url, sfu.token("listener", room)) as viewer,
    ):
        await daemon.wait_state("pattern", "published")
        await viewer.wait_for_frames("pattern", 3, SOUND_DEADLINE_S)
        published = await daemon.wait_state("mic", "published")
        sid = next(track["sid"] for track in daemon.track_history("mic") if track["sid"])
        yield Watched(daemon, viewer, sid, published["restarts"], time.monotonic_ns())


async def test_a_player_that_leaves_is_silence_and_the_next_one_is_heard(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    """snd-aloop's other half is closed and opened: the microphone neither fails nor ends."""
    async with listening(guest, lab_sfu, room_name) as watched:
        since = len(watched.daemon.history)
        for _ in range(2):
            async with playing(guest):
                await watched.hears(is_loud=True)
            await watched.hears(is_loud=False)
        await watched.expect_same_track()
        watched.expect_pattern_went_on()

    assert {track["state"] for track in watched.daemon.track_history("mic", since)} <= {"published"}


@pytest.mark.parametrize("shift", [99_900, 100_100])
async def test_a_card_whose_clock_is_wrong_is_heard_without_a_break(
    guest: Guest, lab_sfu: Sfu, room_name: str, shift: int
) -> None:
    async with listening(guest, lab_sfu, room_name) as watched, playing(guest):
        await watched.hears(is_loud=True)
        since, heard = len(watched.daemon.history), watched.viewer.audio["mic"].count
        async with rate_shifted(guest, shift):
            await watched.viewer.wait_for(
                lambda: watched.viewer.audio["mic"].count >= heard + MUCH_SOUND, SOUND_DEADLINE_S
            )
            await watched.hears(is_loud=True)
        await watched.expect_same_track()
        watched.expect_pattern_went_on()

    assert {track["state"] for track in watched.daemon.track_history("mic", since)} <= {"published"}


async def test_a_card_that_is_removed_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with listening(guest, lab_sfu, room_name) as watched:
        since = len(watched.daemon.history)
        async with card_removed(guest):
            failed = await watched.daemon.wait_state("mic", "failed", since)
            await watched.viewer.wait_for_frames("pattern", 10, SOUND_DEADLINE_S)
        await watched.expect_same_track()
        async with playing(guest):
            await watched.hears(is_loud=True)
        watched.expect_pattern_went_on()

    assert "Loopback" in failed["reason"]
