"""Faults of the webcam: told, survived without a restart, the same track, and other tracks do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.device.harness.daemon import GuestDaemon, guest_daemon
from tests.device.harness.faults import disconnected, set_controls, unplugged
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import PATTERN, WEBCAM
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber

FRAMES_DEADLINE_S = 180.0


@dataclass
class Watched:
    """The daemon inside with a webcam and a pattern, and a viewer outside who sees both."""

    daemon: GuestDaemon
    viewer: Subscriber
    sid: str
    restarts: int

    async def expect_recovery(self) -> None:
        """New pictures in the same track, and the state says so."""
        await self.viewer.wait_for_frames("webcam", 10, FRAMES_DEADLINE_S)
        await self.daemon.wait_for(lambda: self.daemon.track("webcam")["state"] == "published")
        assert self.daemon.track("webcam")["sid"] == self.sid
        assert self.viewer.events.count(("subscribed", "webcam")) == 1

    async def expect_failure(self, since: int) -> str:
        """The track is marked from that index of the history on; the reason told."""
        track = await self.daemon.wait_state("webcam", "failed", since)
        return str(track["reason"])

    def expect_pattern_went_on(self, count_before: int) -> None:
        assert self.viewer.video["pattern"].count > count_before
        assert self.viewer.events.count(("subscribed", "pattern")) == 1
        assert ("unsubscribed", "pattern") not in self.viewer.events


@asynccontextmanager
async def watching(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    async with (
        guest_daemon(guest, sfu, room, WEBCAM + PATTERN) as daemon,
        Subscriber(sfu.url, sfu.token("viewer", room)) as viewer,
    ):
        for name in ("webcam", "pattern"):
            published = await daemon.wait_state(name, "published")
            await viewer.wait_for_frames(name, 5, FRAMES_DEADLINE_S)
        sid = next(track["sid"] for track in daemon.track_history("webcam") if track["sid"])
        yield Watched(daemon, viewer, sid, published["restarts"])


async def test_a_disconnected_webcam_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        since, pattern = len(watched.daemon.history), watched.viewer.video["pattern"].count
        async with disconnected(guest, "webcam"):
            reason = await watched.expect_failure(since)
            await watched.viewer.wait_for_frames("pattern", 10, FRAMES_DEADLINE_S)
        await watched.expect_recovery()
        watched.expect_pattern_went_on(pattern)

    assert "/dev/" in reason


async def test_an_unplugged_webcam_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        since, pattern = len(watched.daemon.history), watched.viewer.video["pattern"].count
        async with unplugged(guest):
            reason = await watched.expect_failure(since)
            await watched.viewer.wait_for_frames("pattern", 10, FRAMES_DEADLINE_S)
        await watched.expect_recovery()
        watched.expect_pattern_went_on(pattern)

    assert "/dev/lab/webcam" in reason


async def test_a_fatal_error_of_the_queue_is_survived(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        since = len(watched.daemon.history)
        await set_controls(guest, "webcam", inject_fatal_streaming_error=1)
        await watched.expect_recovery()
        await watched.daemon.update()
        states = {track["state"] for track in watched.daemon.track_history("webcam", since)}

    assert states <= {"failed", "published"}


@pytest.mark.parametrize("fault", ["inject_v4l2_buf_flag_error", "inject_vidioc_qbuf_error"])
async def test_an_error_of_one_buffer_is_survived(guest: Guest, lab_sfu: Sfu, room_name: str, fault: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        for _ in range(3):
            await set_controls(guest, "webcam", **{fault: 1})
            await watched.expect_recovery()


async def test_errors_at_start_are_survived(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    await set_controls(guest, "webcam", inject_vidioc_streamon_error=1, inject_vidioc_reqbufs_error=1)
    async with watching(guest, lab_sfu, room_name) as watched:
        told = [track["reason"] for track in watched.daemon.track_history("webcam") if track["state"] == "failed"]
        await watched.expect_recovery()

    assert any("/dev/lab/webcam" in reason for reason in told)


async def test_dropped_buffers_only_lower_the_rate(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name) as watched:
        since = len(watched.daemon.history)
        await set_controls(guest, "webcam", percentage_of_dropped_buffers=50)
        try:
            await watched.expect_recovery()
            await asyncio.sleep(2)
            await watched.expect_recovery()
        finally:
            await set_controls(guest, "webcam", percentage_of_dropped_buffers=0)
        states = {track["state"] for track in watched.daemon.track_history("webcam", since)}

    assert states <= {"published"}
