"""A daemon in the room of a loop-back SFU, whose configuration changes while it runs."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lkedge.clock import SECOND_NS
from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.daemon.persist import StateFile
from lkedge.plugin.manager import PluginManager
from lkedge.publish.state import LayerStatus, TrackState, TrackStatus
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_dynacast import DynacastTiming
from lkedge.testing.sfu_settings import Faults, SfuSettings
from lkedge.testing.sfu_stream import ReceivedStream
from lkedge.testing.sfu_track import SfuTrack

SLOW_MACHINE_S = 30.0

SETTINGS = SfuSettings(dynacast=DynacastTiming(initial_wait_ns=60 * SECOND_NS, pause_delay_ns=SECOND_NS // 5))

FRONT = """
[[track]]
name = "front"
source = "testsrc"
isolation = "thread"
capture = { width = 640, height = 360, framerate = 30, source_idle_after = 0.5 }
"""

MIC = """
[[track]]
name = "mic"
source = "tone"
isolation = "thread"
"""

HDMI = """
[[track]]
name = "hdmi"
source = "controlled"
publish_as = "camera"
isolation = "thread"
publish = { simulcast = false }
"""


class Changing:
    """The daemon, its file and its room."""

    def __init__(self, daemon: Daemon, sfu: LoopbackSfu, path: Path) -> None:
        self.daemon = daemon
        self.target = daemon.target
        self.sfu = sfu
        self.path = path

    def write(self, tracks: str, livekit: str = "", top: str = "") -> None:
        """Other contents of the file; nothing happens before a reload."""
        (self.path.parent / "token").write_text(self.sfu.token())
        self.path.write_text(f'{top}\n[livekit]\nurl = "{self.sfu.url}"\ntoken_file = "token"\n{livekit}\n{tracks}')

    def status(self, name: str) -> TrackStatus:
        return next(track for track in self.daemon.status().tracks if track.name == name)

    def layer(self, name: str, rid: str) -> LayerStatus:
        return next(layer for layer in self.status(name).layers if layer.rid == rid)

    async def until(self, is_true: Callable[[], object], timeout_s: float = SLOW_MACHINE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_true():
                await asyncio.sleep(0.01)

    async def published(self, name: str, rid: str = "") -> SfuTrack:
        """The track, once the SFU has got frames of this layer."""
        await self.until(lambda: self.status(name).state is TrackState.PUBLISHED)
        sid = self.status(name).sid
        await self.until(lambda: any(track.sid == sid for track in self.sfu.tracks()))
        track = next(track for track in self.sfu.tracks() if track.sid == sid)
        await self.more_frames(track, rid)
        return track

    async def settled(self, track: SfuTrack, *rids: str) -> None:
        """Until the one key frame has come that the SFU asks of every layer 1 s after its first packet."""
        await self.until(lambda: all(track.stream(rid).key_frames >= 2 for rid in rids))

    async def more_frames(self, track: SfuTrack, rid: str = "", count: int = 5) -> None:
        """Until that many more frames of a layer are complete and decodable."""
        start_ns = time.monotonic_ns()
        await self.until(lambda: sum(f.received_ns > start_ns and f.is_decodable for f in track.frames(rid)) >= count)


def is_continuous(stream: ReceivedStream) -> bool:
    """Whether the sequence numbers go on without a gap, as far back as the SFU remembers."""
    numbers = [packet.sequence for packet in stream.log]
    return all((after - before) & 0xFFFF == 1 for before, after in itertools.pairwise(numbers))


@asynccontextmanager
async def changing(
    folder: Path, tracks: str, livekit: str = "", *, faults: Faults | None = None
) -> AsyncIterator[Changing]:
    """A running daemon, begun with these tracks; kept changes are in folder/state."""
    async with LoopbackSfu(SETTINGS, faults) as sfu, begun(folder, sfu, tracks, livekit) as run:
        yield run


@asynccontextmanager
async def begun(folder: Path, sfu: LoopbackSfu, tracks: str, livekit: str = "") -> AsyncIterator[Changing]:
    """The same in a given room: one life of the daemon."""
    plugins = PluginManager(load_entry_points=False, targets=("lkedge.testing.fakes_plugin",))
    (folder / "token").write_text(sfu.token())
    path = folder / "lkedge.toml"
    path.write_text(f'[livekit]\nurl = "{sfu.url}"\ntoken_file = "token"\n{livekit}\n{tracks}')
    state = StateFile(folder / "state" / "changes.json")
    daemon = Daemon(load(path, plugins.registry), plugins=plugins, state=state)
    await daemon.start()
    try:
        yield Changing(daemon, sfu, path)
    finally:
        await daemon.stop()
