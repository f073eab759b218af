"""Live controls and conditions through the whole daemon, in a room, with the source in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lkedge.errors import ConfigError, SourceError
from lkedge.publish.publication import Publication
from lkedge.publish.state import TrackState
from lkedge.testing.sfu import LoopbackSfu
from tests.integration.daemon_in_room import DaemonInRoom, daemon_in_room

TRACKS = """
[[track]]
name = "hdmi"
source = "controlled"
publish_as = "camera"

[[track]]
name = "mic"
source = "tone"
isolation = "thread"
"""


class Running(DaemonInRoom):
    @property
    def hdmi(self) -> Publication:
        return next(one for one in self.publisher.publications if one.name == "hdmi")

    def value(self, name: str) -> object:
        return next((control.value for control in self.hdmi.controls if control.name == name), None)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    async with LoopbackSfu() as sfu, daemon_in_room(folder, sfu, TRACKS) as begun:
        run = Running(begun.daemon, sfu, begun.path)
        await run.until(lambda: run.status("hdmi").state is TrackState.PUBLISHED and run.hdmi.controls)
        yield run


async def test_control_is_set_while_the_track_is_published(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        control = await run.publisher.set_control("hdmi", "gain", 4)
        assert (control.name, control.value, control.maximum) == ("gain", 4, 16.0)
        await run.until(lambda: run.value("gain") == 4.0)
        assert run.status("hdmi").restarts == 0


async def test_refusals_are_sentences_and_nothing_changes(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        with pytest.raises(SourceError, match=r"hdmi: .*'gain' cannot be 99; allowed is a number from 1 to 16 dB"):
            await run.publisher.set_control("hdmi", "gain", 99)
        with pytest.raises(SourceError, match=r"hdmi: .*no control 'zoom'; there are: brightness, gain"):
            await run.publisher.set_control("hdmi", "zoom", 1)
        with pytest.raises(SourceError, match="'temperature' cannot be written now"):
            await run.publisher.set_control("hdmi", "temperature", 1)
        with pytest.raises(SourceError, match=r"mic: .*this source has none"):
            await run.publisher.set_control("mic", "gain", 1)
        with pytest.raises(ConfigError, match="no track named 'side'"):
            await run.publisher.set_control("side", "gain", 1)
        assert run.value("gain") == 1.0
        assert run.status("hdmi").state is TrackState.PUBLISHED


async def test_condition_is_in_the_status_and_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lkedge.publish.live_source")
    async with running(tmp_path) as run:
        await run.publisher.set_control("hdmi", "signal", False)
        await run.until(lambda: run.status("hdmi").condition == "no signal")
        assert run.status("hdmi").state is TrackState.PUBLISHED
        await run.publisher.set_control("hdmi", "signal", True)
        await run.until(lambda: run.status("hdmi").condition == "")
    said = [record.getMessage() for record in caplog.records if record.name == "lkedge.publish.live_source"]
    assert said == ["hdmi: the source says: no signal", "hdmi: the source no longer says: no signal"]


async def test_killed_worker_keeps_what_was_set_and_the_track(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.publisher.set_control("hdmi", "mode", "manual")
        await run.publisher.set_control("hdmi", "signal", False)
        await run.until(lambda: run.status("hdmi").condition)
        sid = run.status("hdmi").sid
        os.kill(run.status("hdmi").worker_pid, signal.SIGKILL)
        await run.until(lambda: run.status("hdmi").restarts == 1 and run.hdmi.controls)
        await run.until(lambda: run.status("hdmi").condition == "no signal")
        assert run.value("mode") == "manual"
        assert (run.status("hdmi").sid, run.status("hdmi").state) == (sid, TrackState.PUBLISHED)


async def test_request_to_a_worker_that_hangs_or_dies_ends_with_the_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        pid = run.status("hdmi").worker_pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(SourceError, match="did not answer within 3 s"):
            await run.publisher.set_control("hdmi", "gain", 4)
        request = asyncio.create_task(run.publisher.set_control("hdmi", "gain", 5))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(SourceError, match="worker died before"):
            await request
        await run.until(lambda: run.hdmi.controls)
        assert run.value("gain") == 1.0
