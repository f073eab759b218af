"""A running daemon changes, as a real livekit-server and the official SDK see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.publish.state import TrackState
from tests.sfu.harness.daemon import CAMERA, MICROPHONE, config_text, running_daemon, write_config
from tests.sfu.harness.records import backward_counters
from tests.sfu.harness.sfu import RoomService, Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

pytestmark = pytest.mark.sfu

SLOW_MACHINE_S = 30.0
LOWER = "publish = { video_encoding = { max_bitrate = 900_000, max_framerate = 15 } }\n"
SMALLER = CAMERA.replace("width = 1280, height = 720", "width = 960, height = 540")

Watch = Callable[[str], Subscriber]
Write = Callable[..., Path]


@pytest.fixture
def watch(sfu: Sfu, room_name: str) -> Watch:
    """`async with watch("ann") as ann`: a participant that subscribes to what it may."""
    return lambda identity: Subscriber(sfu.url, sfu.token(identity, room_name), strip_reader=default_strip_reader())


@pytest.fixture
def write(sfu: Sfu, room_name: str, tmp_path: Path) -> Write:
    """The configuration with these tracks, of now."""
    return lambda tracks, **settings: write_config(tmp_path, sfu, config_text(sfu, room_name, tracks, **settings))


async def test_a_reload_changes_what_is_different_and_nothing_else(write: Write, watch: Watch) -> None:
    async with running_daemon(write(CAMERA + MICROPHONE)) as daemon, watch("viewer") as viewer:
        await daemon.wait_published("front", "mic")
        await viewer.wait_for_size("front", (1280, 720))
        await viewer.wait_for(lambda: len(viewer.audio["mic"].beeps_ms) >= 1, SLOW_MACHINE_S)
        before = {name: daemon.track(name).sid for name in ("front", "mic")}
        write(CAMERA + LOWER + MICROPHONE)
        plan = await daemon.daemon.reload()
        assert "bitrate of f 1700 -> 900 kbit/s, frame rate of f 30 -> 15; 1 unchanged" in plan.summary
        beeps = len(viewer.audio["mic"].beeps_ms)
        await viewer.wait_for(lambda: len(viewer.audio["mic"].beeps_ms) >= beeps + 3, SLOW_MACHINE_S)
        assert {name: daemon.track(name).sid for name in before} == before
        assert daemon.layer("front", "f").framerate == 15
        assert not [event for event in viewer.events if event[0] in ("unpublished", "unsubscribed")]
        assert not backward_counters(list(viewer.video["front"].frames))


async def test_another_size_in_the_same_track(write: Write, watch: Watch, room_service: RoomService) -> None:
    async with running_daemon(write(CAMERA)) as daemon, watch("viewer") as viewer:
        await daemon.wait_published("front")
        await viewer.wait_for_size("front", (1280, 720))
        sid = daemon.track("front").sid
        write(SMALLER)
        await daemon.daemon.reload()
        await viewer.wait_for_size("front", (960, 540), SLOW_MACHINE_S)
        assert daemon.track("front").sid == sid
        (track,) = await room_service.wait_for_tracks("camera-box", 1)
        assert (track.width, track.height) == (960, 540)
        assert ("unpublished", "front") not in viewer.events


async def test_another_codec_in_another_track(write: Write, watch: Watch) -> None:
    async with running_daemon(write(CAMERA + MICROPHONE)) as daemon, watch("viewer") as viewer:
        await daemon.wait_published("front", "mic")
        await viewer.wait_for_size("front", (1280, 720))
        sids = {name: daemon.track(name).sid for name in ("front", "mic")}
        write(CAMERA + 'publish = { video_codec = "h264" }\n' + MICROPHONE)
        assert "front: published anew (video_codec vp8 -> h264" in (await daemon.daemon.reload()).summary
        await viewer.wait_for_event("unpublished", "front")
        await daemon.wait_for(lambda: daemon.track("front").sid not in ("", sids["front"]))
        await viewer.wait_for_frames("front", 10, SLOW_MACHINE_S)
        assert "h264" in viewer.video["front"].mime.lower()
        assert daemon.track("mic").sid == sids["mic"]


async def test_added_removed_disabled_and_enabled(write: Write, watch: Watch) -> None:
    async with running_daemon(write(CAMERA)) as daemon, watch("viewer") as viewer:
        target = daemon.daemon.target
        await daemon.wait_published("front")
        await viewer.wait_for_frames("front", 5)
        await target.add_track({"name": "mic", "source": "tone"}, False)
        await viewer.wait_for_event("subscribed", "mic")
        await target.remove_track("mic", False)
        await viewer.wait_for_event("unpublished", "mic")
        await target.set_enabled("front", False, False)
        await viewer.wait_for_event("unpublished", "front")
        assert daemon.track("front").state is TrackState.DISABLED
        await target.set_enabled("front", True, False)
        await viewer.wait_for_frames("front", 10, SLOW_MACHINE_S)


async def test_who_is_denied_sees_nothing_also_after_another_join(write: Write, watch: Watch) -> None:
    only = Permissions(False, (ParticipantPermission("ann", tracks=("front",)),))
    async with running_daemon(write(CAMERA + MICROPHONE)) as daemon, watch("ann") as ann:
        await daemon.wait_published("front", "mic")
        await ann.wait_for_frames("front", 5)
        await ann.wait_for(lambda: ann.audio["mic"].beeps_ms, SLOW_MACHINE_S)
        await daemon.daemon.target.set_permissions(only, False)
        await ann.wait_for_frames("front", 30, SLOW_MACHINE_S)
        beeps = len(ann.audio["mic"].beeps_ms)
        async with watch("bob") as bob:
            await bob.wait_for(lambda: "camera-box" in bob.room.remote_participants)
            await ann.wait_for_frames("front", 75, SLOW_MACHINE_S)
            assert ("subscribed", "front") not in bob.events
            assert len(ann.audio["mic"].beeps_ms) == beeps
            sid = daemon.track("front").sid
            daemon.daemon.target.reconnect()
            await daemon.wait_for(lambda: daemon.track("front").sid not in ("", sid))
            await ann.wait_for_frames("front", 20, SLOW_MACHINE_S)
            assert ("subscribed", "front") not in bob.events
            assert ("subscribed", "mic") not in bob.events
            await daemon.daemon.target.set_permissions(Permissions(), False)
            await bob.wait_for_frames("front", 5, SLOW_MACHINE_S)
            await ann.wait_for(lambda: len(ann.audio["mic"].beeps_ms) > beeps, SLOW_MACHINE_S)


async def test_others_see_another_name_without_another_join(write: Write, room_service: RoomService) -> None:
    async with running_daemon(write(CAMERA, livekit='name = "old"\nattributes = { a = "1" }')) as daemon:
        await daemon.wait_published("front")
        write(CAMERA, livekit='name = "new"\nattributes = { b = "2" }')
        assert (await daemon.daemon.reload()).summary == "participant: other name and attributes; 1 unchanged"
        seen = await room_service.wait_for_participant("camera-box", lambda one: one is not None and one.name == "new")
        assert seen is not None
        assert dict(seen.attributes) == {"b": "2"}
        assert daemon.status.connection.joins == 1
