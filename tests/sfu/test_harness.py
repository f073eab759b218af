"""The harness sees what the official SDK publishes: what fails elsewhere is not the harness."""

from __future__ import annotations

import numpy as np
import pytest

from lkedge.terms import VideoQuality
from tests.sfu.harness.records import backward_counters
from tests.sfu.harness.sdk_publisher import SdkPublisher
from tests.sfu.harness.sfu import RoomService, Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_subscriber_sees_every_layer_and_hears_the_tone(
    sfu: Sfu, room_name: str, room_service: RoomService, codec: str
) -> None:
    publisher = SdkPublisher(sfu.url, sfu.token("publisher", room_name), codec=codec)
    viewer = Subscriber(sfu.url, sfu.token("viewer", room_name), strip_reader=default_strip_reader())
    async with publisher, viewer:
        await viewer.wait_for_size("picture", (1280, 720), 20)
        for quality, size in ((VideoQuality.LOW, (320, 180)), (VideoQuality.MEDIUM, (640, 360))):
            viewer.set_quality("picture", quality)
            await viewer.wait_for_size("picture", size, 20)
        video = await viewer.wait_for_frames("picture", 60)
        await viewer.wait_for(lambda: len(viewer.audio["tone"].beeps_ms) >= 4)

        tracks = await room_service.wait_for_tracks("publisher", 2)
        assert codec in "".join(track.mime_type for track in tracks).lower()
        assert codec in video.mime.lower()
        frames = list(video.frames)[-50:]
        assert sum(frame.counter is not None for frame in frames) >= 45
        assert not backward_counters(frames)
        assert 0 < np.median(video.ages_ms()) < 1000
        assert 0.1 < viewer.audio["tone"].rms < 0.5


async def test_unsubscribing_stops_the_pictures_until_subscribed_again(sfu: Sfu, room_name: str) -> None:
    publisher = SdkPublisher(sfu.url, sfu.token("publisher", room_name), size=(640, 360))
    viewer = Subscriber(sfu.url, sfu.token("viewer", room_name))
    async with publisher, viewer:
        await viewer.wait_for_frames("picture", 10)
        viewer.set_subscribed("picture", False)
        await viewer.wait_for_event("unsubscribed", "picture")
        before = viewer.video["picture"].count
        viewer.set_subscribed("picture", True)
        await viewer.wait_for_frames("picture", 10)
        assert viewer.video["picture"].count >= before + 10
