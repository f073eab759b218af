"""Faults of the HDMI signal: told as a condition, shown as a slate, healed in place, and other tracks go on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.device.harness.daemon import GuestDaemon, guest_daemon
from tests.device.harness.faults import set_controls, unplugged
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import PATTERN
from tests.sfu.harness.records import FrameSeen, Luma
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber

HDMI = """
[[track]]
name = "hdmi"
source = "hdmi"
hdmi = { device = "/dev/lab/hdmi", stall_after = 30 }
capture = { width = 320, height = 180, framerate = 5 }
publish = { video_codec = "vp8", simulcast = false }
"""

FRAMES_DEADLINE_S = 180.0
LONGEST_GAP_MS = 20_000
"""Of the other track. An emulated machine on a busy host stands still for seconds."""

SLATE_DARKNESS = 60
"""Mean luma: a slate is a few words on black, vivid's picture is colour bars."""

NO_SIGNAL, NO_LOCK, OUT_OF_RANGE, SELECTED = 1, 2, 3, 4
"""Of vivid's control dv_timings_signal_mode; without a signal vivid takes the 5 V away too."""

NTSC, PAL = 2, 4
"""Of vivid's control dv_timings: 720x480 and 720x576, the smallest, both progressive."""


@dataclass
class Brightness:
    """How bright the newest picture of the track was."""

    newest: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, _: FrameSeen, luma: Luma) -> None:
        self.newest[name] = float(luma.mean())


@dataclass
class Watched:
    """The daemon inside with an HDMI input and a pattern, and a viewer outside who sees both."""

    daemon: GuestDaemon
    viewer: Subscriber
    brightness: Brightness
    sid: str
    restarts: int
    started_ns: int

    async def expect_slate(self, condition: str) -> None:
        """The track is still published, says what is wrong, and shows it."""
        await self._wait_for_condition(condition)
        await self.viewer.wait_for(lambda: self.brightness.newest["hdmi"] < SLATE_DARKNESS, FRAMES_DEADLINE_S)
        await self.viewer.wait_for_frames("hdmi", 3, FRAMES_DEADLINE_S)
        assert self.brightness.newest["hdmi"] < SLATE_DARKNESS

    async def expect_picture(self) -> None:
        """Pictures of the signal again, in the same track of the same worker."""
        await self._wait_for_condition("")
        await self.viewer.wait_for(lambda: self.brightness.newest["hdmi"] > SLATE_DARKNESS, FRAMES_DEADLINE_S)
        await self.viewer.wait_for_frames("hdmi", 3, FRAMES_DEADLINE_S)
        self._expect_same_track()

    def expect_pattern_went_on(self) -> None:
        assert self.viewer.video["pattern"].longest_freeze_ms(self.started_ns) < LONGEST_GAP_MS
        assert self.viewer.events.count(("subscribed", "pattern")) == 1
        assert ("unsubscribed", "pattern") not in self.viewer.events

    async def _wait_for_condition(self, condition: str) -> None:
        def is_told() -> bool:
            track = self.daemon.track("hdmi")
            return bool(track["state"] == "published" and track["condition"] == condition)

        await self.daemon.wait_for(is_told)

    def _expect_same_track(self) -> None:
        track = self.daemon.track("hdmi")
        assert (track["sid"], track["restarts"]) == (self.sid, self.restarts)
        assert self.viewer.events.count(("subscribed", "hdmi")) == 1


@asynccontextmanager
async def watching(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    await set_controls(guest, "hdmi", dv_timings=NTSC)
    await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)
    brightness = Brightness()
    async with (
        guest_daemon(guest, sfu, room, HDMI + PATTERN) as daemon,
        Subscriber(sfu.url, sfu.token("viewer", room), on_frame=brightness.note) as viewer,
    ):
        for name in ("pattern", "hdmi"):
            published = await daemon.wait_state(name, "published")
            await viewer.wait_for_frames(name, 3, FRAMES_DEADLINE_S)
        sid = next(track["sid"] for track in daemon.track_history("hdmi") if track["sid"])
        watched = Watched(daemon, viewer, brightness, sid, published["restarts"], time.monotonic_ns())
        try:
            await watched.expect_picture()
            yield watched
        finally:
            await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)


@pytest.mark.parametrize(
    ("mode", "condition"), [(NO_SIGNAL, "no cable"), (NO_LOCK, "no sync"), (OUT_OF_RANGE, "out of range")]
)
async def test_a_fault_of_the_signal_is_told_and_shown_and_heals(
    guest: Guest, lab_sfu: Sfu, room_name: str, mode: int, condition: str
) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        await set_controls(guest, "hdmi", dv_timings_signal_mode=mode)
        await watched.expect_slate(condition)
        await set_controls(guest, "hdmi", dv_timings_signal_mode=SELECTED)
        await watched.expect_picture()
        watched.expect_pattern_went_on()


async def test_another_size_of_the_signal_is_followed_in_the_same_track(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        await set_controls(guest, "hdmi", dv_timings=PAL)
        await watched.daemon.wait_for_journal("the signal is 720x576")
        await watched.expect_picture()
        watched.expect_pattern_went_on()


async def test_an_input_that_is_unplugged_is_a_slate_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        async with unplugged(guest):
            await watched.expect_slate("no device")
        await watched.expect_picture()
        watched.expect_pattern_went_on()
