"""The choice of encoders through the whole daemon: software at once, then the hardware that has proven good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lkedge.publish.state import TrackState, TrackStatus
from lkedge.testing.sfu import LoopbackSfu
from tests.integration.daemon_in_room import DaemonInRoom, daemon_in_room

PLUGIN = """
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec

def make(settings):
    from lkedge.builtin.x264 import X264Encoder

    class Block(X264Encoder):
        pass

    return Block(settings)

def usable():
    from pathlib import Path
    return "" if Path({switch!r}).exists() else "the block is switched off"

@hookimpl
def lkedge_register_encoders(register):
    register(EncoderRegistration("block", Codec.H264, "in hardware", rank=200, video=make, is_usable=usable))
"""

TRACK = """
[[track]]
name = "front"
source = "testsrc"
capture = { width = 320, height = 180, framerate = 15 }
publish = { video_codec = "h264", dynacast = false }
"""


@pytest.fixture(autouse=True)
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin with a hardware encoder, which works while this file exists."""
    switch = tmp_path / "on"
    (tmp_path / "block_plugin.py").write_text(PLUGIN.replace("{switch!r}", repr(str(switch))))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    switch.touch()
    return switch


class Running(DaemonInRoom):
    @property
    def front(self) -> TrackStatus:
        return self.status("front")

    @property
    def pid(self) -> int | None:
        return self.publisher.publications[0].worker.pid


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """A daemon whose track is published and encoded."""
    async with LoopbackSfu() as sfu, daemon_in_room(folder, sfu, TRACK, ("block_plugin",)) as begun:
        run = Running(begun.daemon, sfu, begun.path)
        await run.until(lambda: run.front.state is TrackState.PUBLISHED and run.front.encoder)
        yield run


async def test_the_first_start_goes_over_to_hardware_and_the_second_begins_with_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        assert run.front.encoder == "x264"
        pid, sid = run.pid, run.front.sid
        await run.until(lambda: run.front.encoder == "block")
        assert (run.pid, run.front.sid, run.front.restarts) == (pid, sid, 0)

    async with running(tmp_path) as run:
        assert run.front.encoder == "block"


async def test_hardware_that_does_not_work_is_left_alone_until_it_does(tmp_path: Path, block: Path) -> None:
    block.unlink()
    memory = tmp_path / "cache/encoders.json"
    async with running(tmp_path) as run:
        await run.until(memory.exists)
        assert "the block is switched off" in memory.read_text()
        assert run.front.encoder == "x264"

    block.touch()
    async with running(tmp_path) as run:
        assert run.front.encoder == "x264"
        await run.until(lambda: run.front.encoder == "block")
