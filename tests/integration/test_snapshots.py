"""Snapshots of real workers, as processes and as threads."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest

from lkedge.clock import SystemClock
from lkedge.config.loader import load
from lkedge.errors import SourceError
from lkedge.plugin.manager import PluginManager
from lkedge.publish import snapshots
from lkedge.publish.publication import Publication
from lkedge.terms import Isolation

PLUGINS = ("lkedge.testing.fakes_plugin",)
DEADLINE_S = 15.0
BOTH = pytest.mark.parametrize("isolation", list(Isolation))


class Listener:
    def __init__(self) -> None:
        self.opened: list[bool] = []
        self._changed = asyncio.Event()

    def do_publication_changed(self, publication: Publication) -> None:
        if publication.live.is_open != (self.opened[-1] if self.opened else False):
            self.opened.append(publication.live.is_open)
        self._changed.set()

    def do_mute_changed(self, publication: Publication) -> None:
        raise AssertionError

    async def close_source(self, track: Publication) -> None:
        await self.until(lambda: track.live.is_open)
        track.set_connected(False)
        await self.until(lambda: self.opened == [True, False])

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def running(
    folder: Path, source: str, isolation: Isolation = Isolation.PROCESS, *, options: str = ""
) -> AsyncIterator[tuple[Publication, Listener]]:
    """A track without a room."""
    (folder / "token").write_text("x")
    path = folder / "lkedge.toml"
    path.write_text(
        '[livekit]\nurl = "ws://localhost"\ntoken_file = "token"\n'
        f'[[track]]\nname = "front"\nsource = "{source}"\nisolation = "{isolation}"\n'
        f"capture.source_idle_after = 0\n{options}"
    )
    plugins = PluginManager(load_entry_points=False, targets=PLUGINS)
    listener = Listener()
    publication = Publication(load(path, plugins.registry).tracks[0], plugins.targets, SystemClock(), listener)
    publication.start()
    try:
        yield publication, listener
    finally:
        await publication.stop()


def size(jpeg: bytes) -> tuple[int, int]:
    with av.open(io.BytesIO(jpeg), format="mjpeg") as container:
        (picture,) = container.decode(video=0)
    return picture.width, picture.height


@BOTH
async def test_open_source_gives_the_next_picture_in_the_asked_width(tmp_path: Path, isolation: Isolation) -> None:
    options = "capture.width = 640\ncapture.height = 360\n"
    async with running(tmp_path, "testsrc", isolation, options=options) as (track, listener):
        await listener.until(lambda: track.live.is_open)
        full, small = await asyncio.gather(track.snapshot(), track.snapshot(161))
        assert listener.opened == [True]
    assert (size(full), size(small)) == ((640, 360), (160, 90))
    assert listener.opened == [True, False]


@BOTH
async def test_closed_source_is_opened_for_one_picture(tmp_path: Path, isolation: Isolation) -> None:
    async with running(tmp_path, "pattern", isolation) as (track, listener):
        await listener.close_source(track)
        assert size(await track.snapshot()) == (320, 180)
        await listener.until(lambda: listener.opened == [True, False, True, False])


async def test_sound_has_no_pictures(tmp_path: Path) -> None:
    async with running(tmp_path, "tone") as (track, _):
        with pytest.raises(SourceError, match="front: this is a track of sound"):
            await track.snapshot()


async def test_encoded_source_says_so_whether_open_or_closed(tmp_path: Path) -> None:
    options = 'publish.video_codec = "h264"\n'
    async with running(tmp_path, "encoded", options=options) as (track, listener):
        await listener.close_source(track)
        for _ in range(2):
            with pytest.raises(SourceError, match=r"front: encoded: it delivers h264 ready made.*raw pictures"):
                await track.snapshot()


async def test_missing_device_is_told_each_time_it_is_asked(tmp_path: Path) -> None:
    options = 'flaky = { fault = "unavailable", after = 0 }\n'
    async with running(tmp_path, "flaky", options=options) as (track, _):
        for _ in range(2):
            with pytest.raises(SourceError, match="flaky: the device is missing; plug it in"):
                await track.snapshot()


async def test_source_at_its_end_has_no_picture(tmp_path: Path) -> None:
    options = 'flaky = { fault = "ends", after = 5 }\n'
    async with running(tmp_path, "flaky", options=options) as (track, listener):
        await listener.until(lambda: track.state == "finished")
        with pytest.raises(SourceError, match="flaky: it came to its end"):
            await track.snapshot()


async def test_hanging_source_costs_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "DEADLINE_S", 0.5)
    async with running(tmp_path, "hanging") as (track, listener):
        await listener.until(lambda: track.live.is_open)
        with pytest.raises(SourceError, match=r"front: no picture came within 0\.5 s"):
            await track.snapshot()


async def test_dead_worker_ends_the_wait_and_the_next_one_delivers(tmp_path: Path) -> None:
    async with running(tmp_path, "pattern") as (track, listener):
        await listener.until(lambda: track.live.is_open)
        assert track.worker.pid is not None
        os.kill(track.worker.pid, signal.SIGSTOP)
        asked = asyncio.create_task(track.snapshot())
        await asyncio.sleep(0)
        os.kill(track.worker.pid, signal.SIGKILL)
        with pytest.raises(SourceError, match="the worker died before there was a picture"):
            await asked
        await listener.until(lambda: listener.opened == [True, False, True])
        assert size(await track.snapshot()) == (320, 180)
