"""The daemon against a real livekit-server, seen and heard by the official SDK."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from lkedge.publish.state import TrackState
from lkedge.terms import VideoQuality
from tests.sfu.harness.daemon import CAMERA, MICROPHONE, RunningDaemon, config_text, running_daemon, write_config
from tests.sfu.harness.records import backward_counters, longest_run, sync_error_ms
from tests.sfu.harness.sfu import RoomService, Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

pytestmark = pytest.mark.sfu

SIZES = {VideoQuality.LOW: (320, 180), VideoQuality.MEDIUM: (640, 360), VideoQuality.HIGH: (1280, 720)}
CONTINUOUS_FRAMES = 60
"""Two seconds without a missing picture."""

SLOW_MACHINE_S = 30.0
"""How long a busy machine may take to show that for once."""

Publish = Callable[..., AbstractAsyncContextManager[RunningDaemon]]


@pytest.fixture
def publish(sfu: Sfu, room_name: str, tmp_path: Path) -> Publish:
    """`async with publish(tracks) as daemon`: a daemon in the test's room."""

    @asynccontextmanager
    async def run(tracks: str = CAMERA + MICROPHONE, **settings: str) -> AsyncIterator[RunningDaemon]:
        path = write_config(tmp_path, sfu, config_text(sfu, room_name, tracks, **settings))
        async with running_daemon(path) as daemon:
            yield daemon

    return run


@pytest.fixture
def watch(sfu: Sfu, room_name: str) -> Callable[..., Subscriber]:
    """`async with watch() as subscriber`."""

    def make(identity: str = "viewer") -> Subscriber:
        return Subscriber(sfu.url, sfu.token(identity, room_name), strip_reader=default_strip_reader())

    return make


def camera(codec: str = "vp8") -> str:
    return CAMERA + f'publish = {{ video_codec = "{codec}" }}\n'


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_every_layer_decodes_with_its_size(
    publish: Publish, watch: Callable[..., Subscriber], codec: str
) -> None:
    async with publish(camera(codec)) as daemon, watch() as viewer:
        await daemon.wait_published("front")
        for quality in (VideoQuality.HIGH, VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH):
            await viewer.wait_for_frames("front", 1)
            viewer.set_quality("front", quality)
            await viewer.wait_for_size("front", SIZES[quality])
        assert f"video/{codec}" in viewer.video["front"].mime.lower() or codec == daemon.track("front").codec


async def test_pictures_are_continuous_and_sound_is_in_sync(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with publish() as daemon, watch() as viewer:
        await daemon.wait_published("front", "mic")
        await viewer.wait_for_size("front", SIZES[VideoQuality.HIGH])
        picture, sound = viewer.video["front"], viewer.audio["mic"]
        start_ns = time.monotonic_ns()
        await viewer.wait_for(lambda: longest_run(picture.since(start_ns)) >= CONTINUOUS_FRAMES, SLOW_MACHINE_S)
        await viewer.wait_for(lambda: len(sound.beeps_ms) >= 5, SLOW_MACHINE_S)
        await viewer.wait_for(lambda: abs(sync_error_ms(sound, picture)) <= 80, SLOW_MACHINE_S)
        frames = picture.since(start_ns)
        assert not backward_counters(frames)
        assert sum(frame.counter is not None for frame in frames) >= 0.95 * len(frames)
        assert not sound.is_silent


async def test_dynacast_stops_layers_then_the_source_and_brings_them_back(
    publish: Publish, watch: Callable[..., Subscriber]
) -> None:
    async with publish(CAMERA) as daemon, watch() as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_size("front", SIZES[VideoQuality.HIGH])
        sid = daemon.track("front").sid
        viewer.set_quality("front", VideoQuality.LOW)
        await daemon.wait_for(lambda: daemon.active("front") == "q")
        assert daemon.layer("front", "f").reason == "not subscribed"
        viewer.set_subscribed("front", False)
        await daemon.wait_for(lambda: daemon.active("front") == "")
        await daemon.wait_for(lambda: not daemon.track("front").captures)
        viewer.set_subscribed("front", True)
        await viewer.wait_for_frames("front", 10)
        assert daemon.track("front").captures
        assert daemon.track("front").sid == sid


async def test_two_subscribers_get_different_qualities(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with publish(CAMERA) as daemon, watch("one") as one, watch("two") as two:
        await daemon.wait_published("front")
        await one.wait_for_frames("front", 1)
        await two.wait_for_frames("front", 1)
        one.set_quality("front", VideoQuality.LOW)
        two.set_quality("front", VideoQuality.HIGH)
        await one.wait_for_size("front", SIZES[VideoQuality.LOW])
        await two.wait_for_size("front", SIZES[VideoQuality.HIGH])


async def test_own_mute_is_seen_and_undone(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with publish(CAMERA) as daemon, watch() as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_frames("front", 5)
        daemon.daemon.publisher.set_muted("front", True)
        await viewer.wait_for_event("muted", "front")
        assert daemon.layer("front", "q").reason == "muted"
        daemon.daemon.publisher.set_muted("front", False)
        await viewer.wait_for_event("unmuted", "front")
        await viewer.wait_for_frames("front", 5)


async def test_the_server_mutes_and_we_unmute(
    publish: Publish, watch: Callable[..., Subscriber], room_service: RoomService
) -> None:
    async with publish(CAMERA) as daemon, watch() as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_frames("front", 5)
        await room_service.mute("camera-box", daemon.track("front").sid, True)
        await daemon.wait_for(lambda: daemon.track("front").state is TrackState.MUTED)
        daemon.daemon.publisher.set_muted("front", False)
        await viewer.wait_for_event("unmuted", "front")
        await viewer.wait_for_frames("front", 5)


async def test_leaving_takes_the_tracks_away_at_once(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with watch() as viewer:
        async with publish(CAMERA) as daemon:
            await daemon.wait_published("front")
            await viewer.wait_for_frames("front", 1)
            began_s = time.monotonic()
        await viewer.wait_for_event("left", "camera-box", deadline_s=4)
        assert time.monotonic() - began_s < 4


async def test_a_token_that_may_subscribe_works_as_well(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with publish(CAMERA, livekit="can_subscribe = true") as daemon, watch() as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_frames("front", 5)


async def test_a_single_layer_without_simulcast(publish: Publish, watch: Callable[..., Subscriber]) -> None:
    async with publish(CAMERA + "publish = { simulcast = false }\n") as daemon, watch() as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_size("front", SIZES[VideoQuality.HIGH])
        assert [layer.rid for layer in daemon.track("front").layers] == [""]
