"""The daemon under test, in the test's own loop, as `lkedge run` would run it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.plugin.manager import PluginManager
from lkedge.publish.state import ConnectionState, LayerStatus, Status, TrackStatus
from tests.sfu.harness.sfu import Sfu

IDENTITY = "camera-box"

CAMERA = """
[[track]]
name = "front"
source = "testsrc"
capture = { width = 1280, height = 720, framerate = 30 }
"""

MICROPHONE = """
[[track]]
name = "mic"
source = "tone"
"""


class RunningDaemon:
    """A started daemon and the questions tests ask of it."""

    def __init__(self, daemon: Daemon, changed: asyncio.Event) -> None:
        self.daemon = daemon
        self._changed = changed

    @property
    def status(self) -> Status:
        return self.daemon.status()

    def track(self, name: str) -> TrackStatus:
        return next(track for track in self.status.tracks if track.name == name)

    def layer(self, name: str, rid: str) -> LayerStatus:
        return next(layer for layer in self.track(name).layers if layer.rid == rid)

    def active(self, name: str) -> str:
        """The rids of the active layers, such as "qh"."""
        return "".join(layer.rid or "-" for layer in self.track(name).layers if layer.active)

    async def wait_for(self, predicate: Callable[[], object], deadline_s: float = 15.0) -> None:
        """Until `predicate` holds; looked at after every change and ten times a second. Raises TimeoutError."""
        try:
            async with asyncio.timeout(deadline_s):
                while not predicate():
                    self._changed.clear()
                    await _either(self._changed, 0.1)
        except TimeoutError:
            raise TimeoutError(f"not within {deadline_s} s; {self.status}") from None

    async def wait_published(self, *names: str) -> None:
        """Until these tracks are in the room."""
        await self.wait_for(lambda: all(self.track(name).sid for name in names))

    async def wait_connected(self) -> None:
        await self.wait_for(lambda: self.status.connection.state is ConnectionState.CONNECTED)


async def _either(event: asyncio.Event, at_most_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), at_most_s)
    except TimeoutError:
        return


def config_text(sfu: Sfu, room: str, tracks: str, identity: str = IDENTITY, livekit: str = "", url: str = "") -> str:
    """A configuration that mints its tokens from files beside it; `url` instead of the server's own.

    Without control, whose usual socket another daemon of this machine may have.
    """
    return f"""
[livekit]
url = "{url or sfu.url}"
api_key_file = "key"
api_secret_file = "secret"
room = "{room}"
identity = "{identity}"
{livekit}

[control]
socket = ""
dbus = false

{tracks}
"""


def write_config(folder: Path, sfu: Sfu, text: str) -> Path:
    """The file, with the key and secret it names."""
    (folder / "key").write_text(sfu.server.api_key)
    (folder / "secret").write_text(sfu.server.api_secret)
    (folder / "secret").chmod(0o600)
    path = folder / "lkedge.toml"
    path.write_text(text)
    return path


@asynccontextmanager
async def running_daemon(path: Path) -> AsyncIterator[RunningDaemon]:
    """The daemon of this configuration, stopped at the end."""
    changed = asyncio.Event()
    daemon = Daemon(load(path, PluginManager().registry), on_changed=changed.set)
    await daemon.start()
    try:
        yield RunningDaemon(daemon, changed)
    finally:
        await daemon.stop()
