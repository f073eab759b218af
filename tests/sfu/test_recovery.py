"""The daemon comes back by itself: server gone, thrown out, token expired, worker killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lkedge.publish.state import ConnectionState
from tests.sfu.harness.daemon import (
    CAMERA,
    IDENTITY,
    MICROPHONE,
    RunningDaemon,
    config_text,
    running_daemon,
    write_config,
)
from tests.sfu.harness.relay import TcpRelay
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

pytestmark = pytest.mark.sfu


@asynccontextmanager
async def published(
    folder: Path, sfu: Sfu, room: str, tracks: str = CAMERA, *, url: str = ""
) -> AsyncIterator[RunningDaemon]:
    path = write_config(folder, sfu, config_text(sfu, room, tracks, url=url))
    async with running_daemon(path) as daemon:
        await daemon.wait_published("front")
        yield daemon


def viewer_of(sfu: Sfu, room: str) -> Subscriber:
    return Subscriber(sfu.url, sfu.token("viewer", room), strip_reader=default_strip_reader())


async def test_the_server_is_restarted(start_sfu: Callable[..., Any], tmp_path: Path, room_name: str) -> None:
    sfu = await start_sfu()
    async with published(tmp_path, sfu, room_name) as daemon:
        pid = daemon.track("front").worker_pid
        await sfu.stop()
        await daemon.wait_for(lambda: daemon.status.connection.state is not ConnectionState.CONNECTED)
        await sfu.start()
        await daemon.wait_for(lambda: bool(daemon.track("front").sid), deadline_s=60)
        async with viewer_of(sfu, room_name) as viewer:
            await viewer.wait_for_frames("front", 10)
        assert daemon.track("front").worker_pid == pid


async def test_removed_from_the_room(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    async with published(tmp_path, sfu, room_name) as daemon, sfu.room_service(room_name) as service:
        await service.remove(IDENTITY)
        await daemon.wait_for(lambda: daemon.status.connection.state is ConnectionState.WAITING)
        assert "PARTICIPANT_REMOVED" in daemon.status.connection.reason
        daemon.daemon.publisher.reconnect()
        await daemon.wait_published("front")


async def test_an_expired_token_is_replaced(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    token_file = tmp_path / "token.jwt"
    token_file.write_text(sfu.token(IDENTITY, room_name, ttl_s=-3600, can_subscribe=False))
    text = f'[livekit]\nurl = "{sfu.url}"\ntoken_file = "token.jwt"\n{CAMERA}'
    async with running_daemon(write_config(tmp_path, sfu, text)) as daemon:
        await daemon.wait_for(lambda: daemon.status.connection.state is ConnectionState.WAITING)
        assert "expired" in daemon.status.connection.reason
        token_file.write_text(sfu.token(IDENTITY, room_name, can_subscribe=False))
        daemon.daemon.publisher.reconnect()
        await daemon.wait_published("front")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_killed_worker_is_repaired_and_the_others_lose_nothing(
    sfu: Sfu, tmp_path: Path, room_name: str, number: signal.Signals
) -> None:
    second = CAMERA.replace("front", "back").replace("1280", "640").replace("720", "360")
    async with published(tmp_path, sfu, room_name, CAMERA + second) as daemon, viewer_of(sfu, room_name) as viewer:
        await viewer.wait_for_frames("front", 15)
        await viewer.wait_for_frames("back", 15)
        sid = daemon.track("front").sid
        killed_ns = time.monotonic_ns()
        os.kill(daemon.track("front").worker_pid, number)
        await viewer.wait_for_frames("front", 30)
        record = viewer.video["front"]
        gap_ms = (
            max(b.at_ns - a.at_ns for a, b in zip(list(record.frames), list(record.frames)[1:], strict=False)) / 1e6
        )
        assert gap_ms < 2000
        assert daemon.track("front").sid == sid
        assert daemon.track("front").restarts == 1
        assert viewer.video["back"].longest_freeze_ms(killed_ns) < 1000


async def test_tracks_come_and_go(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    from lkedge.config.loader import load
    from lkedge.plugin.manager import PluginManager

    small = CAMERA.replace("1280", "640").replace("720", "360")
    more = "".join(small.replace("front", name) for name in ("one", "two")) + MICROPHONE
    async with published(tmp_path, sfu, room_name) as daemon, viewer_of(sfu, room_name) as viewer:
        await viewer.wait_for_frames("front", 10)
        folder = tmp_path / "more"
        folder.mkdir()
        config = load(write_config(folder, sfu, config_text(sfu, room_name, more)), PluginManager().registry)
        began_ns = time.monotonic_ns()
        for track in config.tracks:
            daemon.daemon.publisher.add_track(track)
        await daemon.wait_published("one", "two", "mic")
        await viewer.wait_for_frames("one", 5)
        await viewer.wait_for_frames("two", 5)
        await viewer.wait_for(lambda: "mic" in viewer.audio)
        for name in ("one", "two", "mic"):
            await daemon.daemon.publisher.remove_track(name)
        for name in ("one", "two", "mic"):
            await viewer.wait_for_event("unpublished", name)
        await viewer.wait_for_frames("front", 10)
        assert viewer.video["front"].longest_freeze_ms(began_ns) < 1500


async def test_a_cut_websocket_is_resumed_without_a_gap(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    async with (
        TcpRelay(sfu.url) as relay,
        published(tmp_path, sfu, room_name, url=relay.url) as daemon,
        viewer_of(sfu, room_name) as viewer,
    ):
        await viewer.wait_for_size("front", (1280, 720))
        sid = daemon.track("front").sid
        began_ns = time.monotonic_ns()
        assert relay.cut() == 1
        await daemon.wait_for(lambda: daemon.status.connection.resumes == 1)
        await viewer.wait_for_frames("front", 30)
        assert viewer.video["front"].longest_freeze_ms(began_ns) < 500
        assert daemon.track("front").sid == sid


async def test_signalling_away_for_seconds_is_resumed(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    async with (
        TcpRelay(sfu.url) as relay,
        published(tmp_path, sfu, room_name, url=relay.url) as daemon,
        viewer_of(sfu, room_name) as viewer,
    ):
        await viewer.wait_for_frames("front", 5)
        sid = daemon.track("front").sid
        relay.is_open = False
        relay.cut()
        await daemon.wait_for(lambda: daemon.status.connection.state is ConnectionState.RECONNECTING)
        await viewer.wait_for_frames("front", 60)
        relay.is_open = True
        await daemon.wait_for(lambda: daemon.status.connection.resumes == 1)
        assert daemon.track("front").sid == sid


async def test_an_older_server(start_sfu: Callable[..., Any], tmp_path: Path, room_name: str) -> None:
    sfu = await start_sfu(version="1.9.12")
    async with published(tmp_path, sfu, room_name) as daemon, viewer_of(sfu, room_name) as viewer:
        await viewer.wait_for_size("front", (1280, 720))
        viewer.set_subscribed("front", False)
        await daemon.wait_for(lambda: daemon.active("front") == "")


async def test_a_track_whose_source_is_missing_fails_alone(sfu: Sfu, tmp_path: Path, room_name: str) -> None:
    clip = '[[track]]\nname = "clip"\nsource = "file"\npublish_as = "camera"\nfile = { path = "clip.mp4" }\n'
    (tmp_path / "clip.mp4").write_bytes(b"nonsense")
    async with published(tmp_path, sfu, room_name, CAMERA + clip) as daemon, viewer_of(sfu, room_name) as viewer:
        await viewer.wait_for_frames("front", 5)
        await daemon.wait_for(lambda: daemon.track("clip").reason)
        assert "clip.mp4" in daemon.track("clip").reason
