"""A daemon in the room of a loop-back SFU."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from lkedge.clock import SECOND_NS
from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.daemon.persist import StateFile
from lkedge.plugin.manager import PluginManager
from lkedge.publish.state import LayerStatus, TrackStatus
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_dynacast import DynacastTiming
from lkedge.testing.sfu_settings import SfuSettings
from lkedge.testing.sfu_track import SfuTrack

SLOW_MACHINE_S = 30.0

QUICK = SfuSettings(dynacast=DynacastTiming(initial_wait_ns=60 * SECOND_NS, pause_delay_ns=SECOND_NS // 5))
"""Layers that nobody wants are off at once, but none before somebody could have wanted it."""

FAKES = ("lkedge.testing.fakes_plugin",)


class DaemonInRoom:
    """path: of its configuration."""

    def __init__(self, daemon: Daemon, sfu: LoopbackSfu, path: Path) -> None:
        self.daemon = daemon
        self.publisher = daemon.publisher
        self.target = daemon.target
        self.sfu = sfu
        self.path = path

    def status(self, name: str) -> TrackStatus:
        return next(track for track in self.daemon.status().tracks if track.name == name)

    def layer(self, name: str, rid: str) -> LayerStatus:
        return next(layer for layer in self.status(name).layers if layer.rid == rid)

    async def until(self, is_true: Callable[[], object], timeout_s: float = SLOW_MACHINE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_true():
                await asyncio.sleep(0.01)

    async def more_frames(self, track: SfuTrack, rid: str = "", count: int = 5) -> None:
        """Until that many more frames of a layer are complete and decodable."""
        start_ns = time.monotonic_ns()
        await self.until(lambda: sum(f.received_ns > start_ns and f.is_decodable for f in track.frames(rid)) >= count)


@asynccontextmanager
async def daemon_in_room(
    folder: Path, sfu: LoopbackSfu, text: str, plugins: Sequence[str] = FAKES
) -> AsyncIterator[DaemonInRoom]:
    """A running daemon, stopped at the end; kept changes are in folder/state.

    text: behind the first lines of [livekit]. plugins: what it knows beside the built-in one.
    """
    manager = PluginManager(load_entry_points=False, targets=plugins)
    (folder / "token").write_text(sfu.token())
    path = folder / "lkedge.toml"
    path.write_text(f'[livekit]\nurl = "{sfu.url}"\ntoken_file = "token"\n{text}')
    state = StateFile(folder / "state" / "changes.json")
    daemon = Daemon(load(path, manager.registry), plugins=manager, state=state)
    await daemon.start()
    try:
        yield DaemonInRoom(daemon, sfu, path)
    finally:
        await daemon.stop()
