"""A camera through libcamera and picamera2 inside the guest, and what its worker may do: hang, abort.

Each costs the worker and nothing else: it is told, the worker is replaced, the track and its SID stay, and
another track does not notice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.device.harness.faults import aborting_camera, quicken_sensor, send_signal
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import CAMERA
from tests.device.harness.watched import DEADLINE_S, Watched, watching
from tests.sfu.harness.sfu import Sfu

JOURNAL_LINES = 500
"""A process that dies leaves its stacks there."""


async def expect_replaced_worker(watched: Watched, why: str) -> None:
    """Told with its reason, another worker, new pictures in the same track; the other track had no gap."""
    await wait_for_restarts(watched, 1)
    await watched.viewer.wait_for_frames("camera", 3, DEADLINE_S)
    await watched.expect_same_track()
    assert why in await watched.daemon.journal(JOURNAL_LINES)
    await watched.expect_pattern_went_on()


async def wait_for_restarts(watched: Watched, count: int) -> None:
    """So many more than when this began."""
    wanted = watched.track_before["restarts"] + count
    await watched.daemon.wait_for(lambda: watched.track["restarts"] >= wanted, DEADLINE_S)


@asynccontextmanager
async def camera(guest: Guest, sfu: Sfu, room: str) -> AsyncIterator[Watched]:
    await quicken_sensor(guest)
    async with watching(guest, sfu, room, CAMERA) as watched:
        yield watched


async def test_pictures_of_the_camera_arrive_outside(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with camera(guest, lab_sfu, room_name) as watched:
        await watched.viewer.wait_for_size("camera", (320, 180), DEADLINE_S)

    assert watched.track["source"] == "picamera2"
    assert watched.track["captures"]


async def test_a_camera_process_that_hangs_is_replaced(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with camera(guest, lab_sfu, room_name) as watched:
        await send_signal(guest, "camera", "STOP")
        await expect_replaced_worker(watched, "was killed: ")


async def test_a_camera_process_that_aborts_is_replaced(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with camera(guest, lab_sfu, room_name) as watched:
        await send_signal(guest, "camera", "ABRT")
        await expect_replaced_worker(watched, "by signal SIGABRT")


async def test_a_camera_that_aborts_at_each_picture_harms_nobody_and_heals(
    guest: Guest, lab_sfu: Sfu, room_name: str
) -> None:
    """libcamera's own abort, in its C++; the same track works again once the camera does."""
    async with camera(guest, lab_sfu, room_name) as watched:
        async with aborting_camera(guest):
            await send_signal(guest, "camera", "KILL")
            await wait_for_restarts(watched, 3)
            journal = await watched.daemon.journal(JOURNAL_LINES)
        await expect_replaced_worker(watched, "by signal SIGABRT")

    assert "Assertion '__n < this->size()' failed" in journal
