"""Faults of the webcam: told, survived without a restart, the same track, and other tracks do not notice."""

from __future__ import annotations

import asyncio

import pytest

from tests.device.harness.faults import disconnected, set_controls, unplugged
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import WEBCAM
from tests.device.harness.watched import DEADLINE_S, Watched, watching
from tests.sfu.harness.sfu import Sfu

MANY = 10


async def expect_recovery(watched: Watched) -> None:
    """New pictures in the same track of the same worker, and the other track had no gap."""
    await watched.viewer.wait_for_frames("webcam", MANY, DEADLINE_S)
    await watched.expect_same_worker()
    await watched.expect_pattern_went_on()


async def expect_failure(watched: Watched) -> str:
    """The track is marked, and the other one goes on meanwhile; the reason that is told."""
    track = await watched.daemon.wait_state("webcam", "failed", watched.history_start)
    await watched.viewer.wait_for_frames("pattern", MANY, DEADLINE_S)
    return str(track["reason"])


async def test_a_disconnected_webcam_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        async with disconnected(guest, "webcam"):
            reason = await expect_failure(watched)
        await expect_recovery(watched)

    assert "/dev/" in reason


async def test_an_unplugged_webcam_is_told_and_comes_back(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        async with unplugged(guest):
            reason = await expect_failure(watched)
        await expect_recovery(watched)

    assert "/dev/lab/webcam" in reason


async def test_a_fatal_error_of_the_queue_is_survived(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        await set_controls(guest, "webcam", inject_fatal_streaming_error=1)
        await expect_recovery(watched)

    assert watched.states <= {"failed", "published"}


@pytest.mark.parametrize("fault", ["inject_v4l2_buf_flag_error", "inject_vidioc_qbuf_error"])
async def test_an_error_of_one_buffer_is_survived(guest: Guest, lab_sfu: Sfu, room_name: str, fault: str) -> None:
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        for _ in range(3):
            await set_controls(guest, "webcam", **{fault: 1})
            await expect_recovery(watched)


async def test_errors_at_start_are_survived(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    await set_controls(guest, "webcam", inject_vidioc_streamon_error=1, inject_vidioc_reqbufs_error=1)
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        told = [track["reason"] for track in watched.daemon.track_history("webcam") if track["state"] == "failed"]
        await expect_recovery(watched)

    assert any("/dev/lab/webcam" in reason for reason in told)


async def test_dropped_buffers_only_lower_the_rate(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, WEBCAM) as watched:
        await set_controls(guest, "webcam", percentage_of_dropped_buffers=50)
        try:
            await expect_recovery(watched)
            await asyncio.sleep(2)
            await expect_recovery(watched)
        finally:
            await set_controls(guest, "webcam", percentage_of_dropped_buffers=0)

    assert watched.states <= {"published"}
