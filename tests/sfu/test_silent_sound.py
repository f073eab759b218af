"""Sound that nobody hears is not sent and its source is closed, against real livekit-servers and the official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lkedge.publish.state import ConnectionState
from tests.sfu.harness.daemon import IDENTITY, MICROPHONE, RunningDaemon, config_text, running_daemon, write_config
from tests.sfu.harness.relay import TcpRelay
from tests.sfu.harness.sfu import RoomService, Sfu
from tests.sfu.harness.subscriber import Subscriber

pytestmark = pytest.mark.sfu

Publish = Callable[..., AbstractAsyncContextManager[RunningDaemon]]


@pytest.fixture
def publish(room_name: str, tmp_path: Path) -> Publish:
    """`async with publish(sfu) as daemon`: a daemon with a microphone in the test's room."""

    @asynccontextmanager
    async def run(sfu: Sfu, tracks: str = MICROPHONE, url: str = "") -> AsyncIterator[RunningDaemon]:
        path = write_config(tmp_path, sfu, config_text(sfu, room_name, tracks, url=url))
        async with running_daemon(path) as daemon:
            await daemon.wait_published("mic")
            yield daemon

    return run


def viewer(sfu: Sfu, room: str, identity: str = "viewer", **grants: Any) -> Subscriber:
    return Subscriber(sfu.url, sfu.token(identity, room, **grants))


async def wait_silent(daemon: RunningDaemon) -> None:
    await daemon.wait_for(lambda: daemon.layer("mic", "").reason == "not subscribed")
    await daemon.wait_for(lambda: not daemon.track("mic").captures)


async def wait_heard(subscriber: Subscriber) -> None:
    """More of the tone than before."""
    count = subscriber.audio["mic"].count if "mic" in subscriber.audio else 0
    await subscriber.wait_for(lambda: "mic" in subscriber.audio and subscriber.audio["mic"].count > count + 20)
    await subscriber.wait_for(lambda: not subscriber.audio["mic"].is_silent)


@pytest.mark.parametrize("version", ["1.13.5", "1.9.12"])
async def test_sound_begins_with_its_first_listener(
    start_sfu: Callable[..., Any], publish: Publish, room_name: str, version: str
) -> None:
    sfu = await start_sfu(version)
    async with publish(sfu) as daemon:
        await wait_silent(daemon)
        sid, packets = daemon.track("mic").sid, daemon.layer("mic", "").counters.packets
        await daemon.wait_for(lambda: daemon.layer("mic", "").counters.packets > packets)
        assert not daemon.track("mic").captures
        async with viewer(sfu, room_name) as one:
            await wait_heard(one)
            assert (daemon.active("mic"), daemon.track("mic").sid) == ("-", sid)
            async with viewer(sfu, room_name, "two") as two:
                await wait_heard(two)


async def test_who_is_there_before_hears_it_without_a_pause(sfu: Sfu, publish: Publish, room_name: str) -> None:
    async with viewer(sfu, room_name) as one, publish(sfu) as daemon:
        await wait_heard(one)
        await daemon.wait_for(lambda: daemon.daemon.publisher.publication("mic").listening.is_stale)
        assert daemon.active("mic") == "-"


async def test_it_ends_when_everybody_has_left(sfu: Sfu, publish: Publish, room_name: str) -> None:
    async with publish(sfu) as daemon:
        async with viewer(sfu, room_name) as one:
            await wait_heard(one)
        await wait_silent(daemon)
        async with viewer(sfu, room_name) as again:
            await wait_heard(again)


@pytest.mark.parametrize("grants", [{"hidden": True}, {"hidden": True, "agent": True}], ids=["hidden", "hidden agent"])
async def test_a_listener_who_cannot_be_seen_is_heard_for(
    sfu: Sfu, publish: Publish, room_name: str, grants: dict[str, bool]
) -> None:
    async with publish(sfu) as daemon:
        await wait_silent(daemon)
        async with viewer(sfu, room_name, "hidden", **grants) as hidden:
            await wait_heard(hidden)
            async with viewer(sfu, room_name) as one:
                await wait_heard(one)
            await hidden.wait_for(lambda: not hidden.room.remote_participants.get("viewer"))
            await wait_heard(hidden)
            assert daemon.active("mic") == "-"
        await daemon.wait_for(lambda: daemon.layer("mic", "").reason == "not subscribed")


async def test_unmuted_while_nobody_listens(
    sfu: Sfu, publish: Publish, room_name: str, room_service: RoomService
) -> None:
    async with publish(sfu) as daemon:
        await wait_silent(daemon)
        daemon.daemon.publisher.set_muted("mic", True)
        await room_service.wait_for_participant(IDENTITY, lambda one: one is not None and one.tracks[0].muted)
        daemon.daemon.publisher.set_muted("mic", False)
        await room_service.wait_for_participant(IDENTITY, lambda one: one is not None and not one.tracks[0].muted)
        assert daemon.layer("mic", "").reason == "not subscribed"
        async with viewer(sfu, room_name) as one:
            await wait_heard(one)


async def test_a_listener_who_came_while_signalling_was_away(sfu: Sfu, publish: Publish, room_name: str) -> None:
    async with TcpRelay(sfu.url) as relay, publish(sfu, url=relay.url) as daemon:
        await wait_silent(daemon)
        relay.is_open = False
        relay.cut()
        await daemon.wait_for(lambda: daemon.status.connection.state is ConnectionState.RECONNECTING)
        async with viewer(sfu, room_name) as one:
            await one.wait_for_event("subscribed", "mic")
            assert not daemon.active("mic")
            relay.is_open = True
            await wait_heard(one)


async def test_always_on_where_the_spare_codec_is_not_enabled(start_sfu: Callable[..., Any], publish: Publish) -> None:
    sfu = await start_sfu(room={"enabled_codecs": [{"mime": "audio/opus"}, {"mime": "video/VP8"}]})
    async with publish(sfu) as daemon:
        assert daemon.daemon.publisher.publication("mic").track.controller.next_change_ns() is None
        assert daemon.active("mic") == "-"


@pytest.mark.parametrize("setting", ["dynacast = false", "red = true"])
async def test_always_on_in_one_codec(sfu: Sfu, publish: Publish, room_service: RoomService, setting: str) -> None:
    async with publish(sfu, MICROPHONE + f"publish = {{ {setting} }}\n") as daemon:
        tracks = await room_service.wait_for_tracks(IDENTITY, 1)
        assert len(tracks[0].codecs) == 1
        publication = daemon.daemon.publisher.publication("mic")
        assert publication.track.controller.next_change_ns() is None
        assert daemon.active("mic") == "-"
