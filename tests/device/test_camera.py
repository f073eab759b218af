"""A camera through libcamera and picamera2 inside the guest, and what its worker may do: hang, abort.

Each costs the worker and nothing else: it is told, the worker is replaced, the track and its SID stay, and
another track does not notice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.device.harness.daemon import GuestDaemon, guest_daemon
from tests.device.harness.faults import aborting_camera, quicken_sensor, send_signal
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import CAMERA, PATTERN
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber

pytestmark = pytest.mark.device

FRAMES_DEADLINE_S = 240.0
"""vimc takes about a second for a picture here."""

JOURNAL_LINES = 500
"""A process that dies leaves its stacks there."""


@dataclass
class Watched:
    """The daemon inside with a camera and a pattern, and a viewer outside who sees both."""

    daemon: GuestDaemon
    viewer: Subscriber
    sid: str
    restarts: int
    pattern_frames: int

    async def expect_replaced_worker(self, why: str) -> None:
        """Told with its reason, another worker, new pictures in the same track."""
        await self.wait_for_restarts(1)
        await self.expect_pictures()
        assert why in await self.daemon.journal(JOURNAL_LINES)
        assert self.daemon.track("camera")["sid"] == self.sid
        assert self.viewer.events.count(("subscribed", "camera")) == 1

    async def wait_for_restarts(self, count: int) -> None:
        """So many more than when this began."""
        await self.daemon.wait_for(
            lambda: self.daemon.track("camera")["restarts"] >= self.restarts + count, FRAMES_DEADLINE_S
        )

    async def expect_pictures(self) -> None:
        await self.viewer.wait_for_frames("camera", 3, FRAMES_DEADLINE_S)
        await self.daemon.wait_for(lambda: self.daemon.track("camera")["state"] == "published")

    def expect_pattern_went_on(self) -> None:
        assert self.viewer.video["pattern"].count > self.pattern_frames
        assert self.viewer.events.count(("subscribed", "pattern")) == 1
        assert ("unsubscribed", "pattern") not in self.viewer.events
        assert {track["restarts"] for track in self.daemon.track_history("pattern")} == {0}


@asynccontextmanager
async def watching(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    await quicken_sensor(guest)
    async with (
        guest_daemon(guest, sfu, room, CAMERA + PATTERN) as daemon,
        Subscriber(sfu.url, sfu.token("viewer", room)) as viewer,
    ):
        published = await daemon.wait_state("camera", "published", deadline_s=FRAMES_DEADLINE_S)
        for name in ("camera", "pattern"):
            await viewer.wait_for_frames(name, 3, FRAMES_DEADLINE_S)
        sid = next(track["sid"] for track in daemon.track_history("camera") if track["sid"])
        yield Watched(daemon, viewer, sid, published["restarts"], viewer.video["pattern"].count)


async def test_pictures_of_the_camera_arrive_outside(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        await watched.viewer.wait_for_size("camera", (320, 180), FRAMES_DEADLINE_S)

    assert watched.daemon.track("camera")["source"] == "picamera2"
    assert watched.daemon.track("camera")["captures"]


async def test_a_camera_process_that_hangs_is_replaced(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        await send_signal(guest, "camera", "STOP")
        await watched.expect_replaced_worker("was killed: ")
        watched.expect_pattern_went_on()


async def test_a_camera_process_that_aborts_is_replaced(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        await send_signal(guest, "camera", "ABRT")
        await watched.expect_replaced_worker("by signal SIGABRT")
        watched.expect_pattern_went_on()


async def test_a_camera_that_aborts_at_each_picture_harms_nobody_and_heals(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    """libcamera's own abort, in its C++; the same track works again once the camera does."""
    async with watching(guest, lab_sfu, room_name) as watched:
        async with aborting_camera(guest):
            await send_signal(guest, "camera", "KILL")
            await watched.wait_for_restarts(3)
            await watched.viewer.wait_for_frames("pattern", 10, FRAMES_DEADLINE_S)
            journal = await watched.daemon.journal(JOURNAL_LINES)
        await watched.expect_replaced_worker("by signal SIGABRT")
        watched.expect_pattern_went_on()

    assert "Assertion '__n < this->size()' failed" in journal
