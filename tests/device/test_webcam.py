"""A webcam inside the guest, a livekit-server and a subscriber outside."""

from __future__ import annotations

from tests.device.harness.daemon import guest_daemon
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import WEBCAM
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber


async def test_pictures_of_the_webcam_arrive_outside(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with (
        guest_daemon(guest, lab_sfu, room_name, WEBCAM) as daemon,
        Subscriber(lab_sfu.url, lab_sfu.token("viewer", room_name)) as viewer,
    ):
        await daemon.wait_state("webcam", "published")
        await viewer.wait_for_size("webcam", (640, 360), 180)
        record = await viewer.wait_for_frames("webcam", 20, 180)
        await daemon.update()

    assert record.mime.lower() == "video/vp8"
    assert daemon.track("webcam")["source"] == "v4l2"
