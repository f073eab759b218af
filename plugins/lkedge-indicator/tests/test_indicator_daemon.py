"""The light of a whole daemon, whose sources run in real worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lkedge_indicator.plugin import IndicatorPlugin

from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.daemon.persist import StateFile
from lkedge.plugin.manager import PluginManager

DEADLINE_S = 30
TRACK = """
[livekit]
url = "ws://127.0.0.1:9"
token_file = "token"

[[track]]
name = "front"
source = "testsrc"
capture = { width = 320, height = 180, framerate = 10, source_idle_after = 0 }
"""
WITH_LIGHT = TRACK + '[plugin.indicator]\nled = "red"\n'
MakeLed = Callable[..., Path]


class Running:
    def __init__(self, daemon: Daemon, led: Path) -> None:
        self.daemon = daemon
        self._led = led
        self.seen: list[bool] = []

    @property
    def publication(self):  # type: ignore[no-untyped-def]
        return self.daemon.publisher.publications[0]

    def is_on(self) -> bool:
        return (self._led / "brightness").read_text().strip() == "255"

    async def until_on(self, is_on: bool) -> None:
        """The light is what the state of the device is, at every moment in between."""
        async with asyncio.timeout(DEADLINE_S):
            while self.is_on() is not is_on:
                assert self.is_on() is self.publication.live.is_open
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(folder: Path, led: Path, text: str = WITH_LIGHT) -> AsyncIterator[Running]:
    (folder / "token").write_text("x")
    path = folder / "lkedge.toml"
    path.write_text(text)
    manager = PluginManager(load_entry_points=False)
    manager.add("indicator", IndicatorPlugin(), target="lkedge_indicator.plugin:plugin")
    daemon = Daemon(load(path, manager.registry), plugins=manager, state=StateFile(folder / "state.json"))
    await daemon.start()
    try:
        yield Running(daemon, led)
    finally:
        await daemon.stop()


async def test_on_exactly_while_the_source_is_open(tmp_path: Path, make_led: MakeLed) -> None:
    led = make_led("red")
    async with running(tmp_path, led) as run:
        assert not run.is_on()
        await run.until_on(True)
        run.publication.set_connected(False)
        await run.until_on(False)
        jpeg = asyncio.create_task(run.publication.snapshot())
        await run.until_on(True)
        assert (await jpeg)[:2] == b"\xff\xd8"
        await run.until_on(False)
    assert (led / "trigger").read_text() == "mmc0"


async def test_off_and_as_it_was_found_when_the_daemon_has_stopped(tmp_path: Path, make_led: MakeLed) -> None:
    led = make_led("red")
    async with running(tmp_path, led) as run:
        await run.until_on(True)
    assert not run.is_on()
    assert (led / "trigger").read_text() == "mmc0"


async def test_off_when_the_worker_dies_and_on_with_the_next_one(tmp_path: Path, make_led: MakeLed) -> None:
    async with running(tmp_path, make_led("red")) as run:
        await run.until_on(True)
        first = run.publication.worker.pid
        os.kill(first, signal.SIGKILL)
        await run.until_on(False)
        await run.until_on(True)
        assert run.publication.worker.pid != first


async def test_off_when_the_track_is_removed(tmp_path: Path, make_led: MakeLed) -> None:
    async with running(tmp_path, make_led("red")) as run:
        await run.until_on(True)
        await run.daemon.publisher.remove_track("front")
        assert not run.is_on()


async def test_reload_brings_the_light_and_takes_it_away(tmp_path: Path, make_led: MakeLed) -> None:
    led = make_led("red", brightness=0)
    async with running(tmp_path, led, TRACK) as run:
        async with asyncio.timeout(DEADLINE_S):
            while not run.publication.live.is_open:
                await asyncio.sleep(0.01)
        assert not run.is_on()
        for text, is_on in ((WITH_LIGHT, True), (TRACK, False)):
            (tmp_path / "lkedge.toml").write_text(text)
            await run.daemon.reload()
            assert run.is_on() is is_on
