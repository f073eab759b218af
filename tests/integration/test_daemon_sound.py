"""Sound that nobody hears, against a loop-back SFU that passes for a livekit-server which tells of listeners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lkedge.publish import room_sound
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_settings import SfuSettings
from lkedge.testing.sfu_track import SfuTrack
from tests.integration.changing_daemon import Changing, begun, is_continuous

MIC = """
[[track]]
name = "mic"
source = "tone"
isolation = "thread"
capture = { source_idle_after = 0.5 }
"""
SETTINGS = SfuSettings(server_version="1.13.5")


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Changing]:
    """A daemon whose microphone is published and not heard."""
    async with LoopbackSfu(SETTINGS) as sfu, begun(tmp_path, sfu, MIC) as daemon:
        yield daemon


async def paused(run: Changing) -> SfuTrack:
    track = await run.published("mic")
    await run.until(lambda: run.layer("mic", "").reason == "not subscribed" and not run.status("mic").captures)
    return track


async def test_one_stream_before_while_and_after_nobody_listens(run: Changing) -> None:
    track = await paused(run)
    frames = len(track.frames())
    await run.until(lambda: len(track.frames()) > frames)
    assert not run.status("mic").captures
    run.sfu.subscribe(track)
    await run.more_frames(track, count=20)
    assert run.status("mic").captures
    assert is_continuous(track.stream())
    timestamps = [frame.timestamp for frame in track.frames()]
    assert timestamps == sorted(timestamps)
    assert not run.sfu.violations


async def test_a_listener_who_comes_while_the_websocket_is_away(run: Changing) -> None:
    track = await paused(run)
    participant = run.sfu.participant()
    run.sfu.drop_socket(participant)
    run.sfu.listen(track)
    await run.until(lambda: participant.resumes == 1)
    await run.more_frames(track, count=20)
    assert run.status("mic").sid == track.sid


async def test_a_new_track_when_everybody_has_left(run: Changing) -> None:
    track = await paused(run)
    run.sfu.subscribe(track)
    await run.more_frames(track, count=20)
    run.sfu.count(run.sfu.participant(), 1)
    await run.until(lambda: run.status("mic").sid not in ("", track.sid))
    again = await paused(run)
    run.sfu.listen(again)
    await run.more_frames(again, count=20)
    assert not run.sfu.violations


async def test_after_many_new_tracks_the_room_is_joined_anew(run: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_sound, "MAX_RENEWALS", 0)
    track = await paused(run)
    run.sfu.subscribe(track)
    await run.more_frames(track, count=20)
    run.sfu.count(run.sfu.participant(), 1)
    await run.until(lambda: run.sfu.joins == 2 and run.status("mic").sid not in ("", track.sid))
    await paused(run)
    assert run.daemon.status().connection.joins == 2
