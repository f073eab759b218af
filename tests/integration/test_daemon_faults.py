"""The whole daemon against the loop-back SFU, with everything that can go wrong on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lkedge.publish.state import ConnectionState, TrackState
from lkedge.terms import VideoQuality
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_rtp import every_nth, only_ssrc
from lkedge.testing.sfu_settings import Faults, SfuSettings
from tests.integration.daemon_in_room import QUICK, DaemonInRoom, daemon_in_room

TRACKS = """
[[track]]
name = "front"
source = "testsrc"
isolation = "thread"
capture = { width = 640, height = 360, framerate = 30, source_idle_after = 0.5 }

[[track]]
name = "mic"
source = "tone"
isolation = "thread"
"""


@asynccontextmanager
async def running(
    folder: Path, settings: SfuSettings = QUICK, faults: Faults | None = None, tracks: str = TRACKS
) -> AsyncIterator[DaemonInRoom]:
    async with LoopbackSfu(settings, faults) as sfu, daemon_in_room(folder, sfu, tracks) as run:
        yield run


async def test_publishes_as_a_real_server_needs_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        sound = await run.sfu.wait_for_track("mic")
        for rid in ("q", "h"):
            await run.more_frames(track, rid)
        await run.sfu.until(lambda: len(sound.frames()) > 20)
        assert not run.sfu.violations


async def test_layers_of_one_picture_have_one_timestamp(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "q", 15)
        low = {frame.timestamp for frame in track.frames("q")}
        high = {frame.timestamp for frame in track.frames("h")}
        assert len(low & high) > len(low) * 0.7


async def test_late_answers_and_trickled_candidates(tmp_path: Path) -> None:
    faults = Faults(answer_delay_s=0.7, candidate_delay_s=0.5)
    async with running(tmp_path, faults=faults) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "q")
        assert not run.sfu.violations


async def test_lost_packets_are_sent_again(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "h")
        run.sfu.faults.loss = only_ssrc(track.stream("h").ssrc, every_nth(10))
        await run.more_frames(track, "h", 60)
        run.sfu.faults.loss = None
        assert track.stream("h").dropped > 0
        assert track.stream("h").recovered >= 0.8 * track.stream("h").dropped
        assert not run.sfu.violations


async def test_a_disabled_layer_stops_within_100_ms_and_comes_back_with_a_key_frame(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "h")
        run.sfu.subscribe(track, VideoQuality.LOW)
        await run.until(lambda: not run.layer("front", "h").active)
        told_ns = track.updates[-1].sent_ns
        await run.more_frames(track, "q", 15)
        last_ns = track.stream("h").last_ns
        assert last_ns is not None
        assert last_ns - told_ns < 100_000_000
        before = len(track.frames("h"))
        run.sfu.subscribe(track, VideoQuality.MEDIUM)
        await run.sfu.until(lambda: len(track.frames("h")) > before)
        assert track.frames("h")[before].is_key
        assert not run.sfu.violations


async def test_nobody_watches_so_the_source_is_closed_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        run.sfu.subscribe(track, VideoQuality.HIGH)
        await run.more_frames(track, "q")
        ssrcs = {rid: track.stream(rid).ssrc for rid in ("q", "h")}
        run.sfu.unsubscribe(track)
        await run.until(lambda: not run.status("front").captures)
        run.sfu.subscribe(track, VideoQuality.HIGH)
        await run.more_frames(track, "h")
        assert {rid: track.stream(rid).ssrc for rid in ("q", "h")} == ssrcs
        assert not run.sfu.violations


async def test_a_dropped_socket_is_resumed(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        run.sfu.drop_socket(run.sfu.participant())
        await run.until(lambda: run.daemon.status().connection.resumes == 1)
        await run.more_frames(track, "q")
        assert run.sfu.joins == 1
        assert not run.sfu.violations


async def test_a_session_that_cannot_be_resumed_is_joined_anew_without_a_new_worker(tmp_path: Path) -> None:
    async with running(tmp_path, faults=Faults(forgets_sessions=True)) as run:
        first = await run.sfu.wait_for_track("front")
        await run.more_frames(first, "q")
        run.sfu.drop_socket(run.sfu.participant())
        await run.sfu.until(lambda: any(t.name == "front" and t is not first for t in run.sfu.tracks()))
        again = next(t for t in run.sfu.tracks() if t.name == "front")
        await run.more_frames(again, "q")
        assert run.status("front").restarts == 0
        assert run.daemon.status().connection.joins == 2


async def test_a_server_that_asks_to_reconnect_gets_a_new_join(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.sfu.wait_for_track("front")
        run.sfu.dismiss(run.sfu.participant(), "reconnect", "STATE_MISMATCH")
        await run.sfu.until(lambda: run.sfu.joins == 2)
        await run.more_frames(await run.sfu.wait_for_track("front"), "q")


async def test_the_refreshed_token_is_used_when_the_own_one_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.sfu.wait_for_track("front")
        (tmp_path / "token").unlink()
        run.sfu.dismiss(run.sfu.participant(), "reconnect", "STATE_MISMATCH")
        await run.sfu.until(lambda: run.sfu.joins == 2)
        await run.more_frames(await run.sfu.wait_for_track("front"), "q")


async def test_a_track_added_later_is_published_and_a_removed_one_goes(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.sfu.wait_for_track("mic")
        config = next(p.config for p in run.daemon.publisher.publications if p.name == "mic")
        await run.daemon.publisher.remove_track("mic")
        await run.sfu.until(lambda: {one.name for one in run.sfu.tracks()} == {"front"})
        run.daemon.publisher.add_track(config)
        await run.sfu.wait_for_track("mic")
        await run.more_frames(track, "q")
        assert not run.sfu.violations


async def test_no_source_at_all_still_joins(tmp_path: Path) -> None:
    tracks = '[[track]]\nname = "clip"\nsource = "file"\npublish_as = "camera"\nfile = { path = "none.mp4" }\n'
    (tmp_path / "none.mp4").write_bytes(b"not a film")
    async with running(tmp_path, tracks=tracks) as run:
        await run.until(lambda: run.status("clip").state is TrackState.FAILED)
        assert "none.mp4" in run.status("clip").reason
        await run.until(lambda: run.daemon.status().connection.state is ConnectionState.CONNECTED)
        await run.sfu.until(lambda: run.sfu.participant().state == 2)


async def test_silence_of_the_media_path_is_repaired_by_an_ice_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "q")
        run.sfu.silence(run.sfu.participant(), 6.0)
        await run.until(lambda: run.daemon.status().connection.state is ConnectionState.RECONNECTING, 15)
        await run.until(lambda: run.daemon.status().connection.state is ConnectionState.CONNECTED, 20)
        await run.more_frames(track, "q")
        assert run.sfu.joins == 1
        assert not run.sfu.violations


async def test_nonsense_from_the_server_disturbs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        for nonsense in ("text", "{}", b"\xff\xff\xff", b"\x08" * 5000):
            run.sfu.send_raw(run.sfu.participant(), nonsense)
        await run.more_frames(track, "q")
        assert run.sfu.joins == 1


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_a_refused_join_says_why_and_goes_on(tmp_path: Path, status: int) -> None:
    faults = Faults(handshake_status=status)
    async with running(tmp_path, faults=faults) as run:
        await run.until(lambda: run.daemon.status().connection.state is ConnectionState.WAITING)
        assert run.daemon.status().connection.reason
        faults.handshake_status = None
        run.daemon.publisher.reconnect()
        await run.sfu.wait_for_track("front")


async def test_a_refused_track_fails_alone(tmp_path: Path) -> None:
    faults = Faults(refuse_track=lambda name: "NOT_ALLOWED" if name == "mic" else None)
    async with running(tmp_path, faults=faults) as run:
        track = await run.sfu.wait_for_track("front")
        await run.until(lambda: run.status("mic").state is TrackState.FAILED)
        assert "permit" in run.status("mic").reason
        await run.more_frames(track, "q")


async def test_a_rejected_section_fails_alone(tmp_path: Path) -> None:
    async with running(tmp_path, faults=Faults(rejected_mids={"1"})) as run:
        await run.until(lambda: TrackState.FAILED in {run.status(name).state for name in ("front", "mic")})
        await run.until(lambda: TrackState.PUBLISHED in {run.status(name).state for name in ("front", "mic")})


async def test_a_track_that_the_server_takes_away_stays_away(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        sound = await run.sfu.wait_for_track("mic")
        run.sfu.unpublish(track)
        await run.until(lambda: run.status("front").state is TrackState.UNPUBLISHED)
        before = len(sound.frames())
        await run.sfu.until(lambda: len(sound.frames()) > before + 10)
        assert [one.name for one in run.sfu.tracks()] == ["mic"]


async def test_an_administrators_mute_stops_the_packets(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        track = await run.sfu.wait_for_track("front")
        await run.more_frames(track, "q")
        run.sfu.mute(track)
        await run.until(lambda: run.status("front").state is TrackState.MUTED)
        assert run.layer("front", "q").reason == "muted"
        run.daemon.publisher.set_muted("front", False)
        await run.more_frames(track, "q")
        assert not track.muted


async def test_leaving_says_goodbye(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.sfu.wait_for_track("front")
        sfu = run.sfu
        await run.daemon.stop()
        await sfu.until(lambda: not sfu.participants, 2)
