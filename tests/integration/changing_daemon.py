"""A daemon in the room of a loop-back SFU, whose configuration changes while it runs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lkedge.publish.state import TrackState
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_settings import Faults
from lkedge.testing.sfu_stream import ReceivedStream
from lkedge.testing.sfu_track import SfuTrack
from tests.integration.daemon_in_room import QUICK, DaemonInRoom, daemon_in_room

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


class Changing(DaemonInRoom):
    """The daemon, its file and its room."""

    def write(self, tracks: str, livekit: str = "", top: str = "") -> None:
        """Other contents of the file; nothing happens before a reload."""
        (self.path.parent / "token").write_text(self.sfu.token())
        self.path.write_text(f'{top}\n[livekit]\nurl = "{self.sfu.url}"\ntoken_file = "token"\n{livekit}\n{tracks}')

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


def is_continuous(stream: ReceivedStream) -> bool:
    """Whether the sequence numbers go on without a gap, as far back as the SFU remembers."""
    numbers = [packet.sequence for packet in stream.log]
    return all((after - before) & 0xFFFF == 1 for before, after in itertools.pairwise(numbers))


@asynccontextmanager
async def changing(
    folder: Path, tracks: str, livekit: str = "", *, faults: Faults | None = None
) -> AsyncIterator[Changing]:
    """A running daemon, begun with these tracks; kept changes are in folder/state."""
    async with LoopbackSfu(QUICK, faults) as sfu, begun(folder, sfu, tracks, livekit) as run:
        yield run


@asynccontextmanager
async def begun(folder: Path, sfu: LoopbackSfu, tracks: str, livekit: str = "") -> AsyncIterator[Changing]:
    """The same in a given room: one life of the daemon."""
    async with daemon_in_room(folder, sfu, f"{livekit}\n{tracks}") as run:
        yield Changing(run.daemon, sfu, run.path)
