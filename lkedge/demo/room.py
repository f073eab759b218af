"""The room that the demo publishes to: a given one, one on a livekit-server of its own, or an embedded stand-in.

`choose` decides and does what may take minutes (a build); `open` starts what has to run.
"""

from __future__ import annotations

import secrets
import shutil
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lkedge.demo import livekit_server
from lkedge.demo.go_toolchain import NoServer
from lkedge.demo.server_process import API_KEY, LiveKitServer, ServerSettings
from lkedge.errors import ConfigError
from lkedge.signaling.claims import Grants, mint_token, read_claims

DEFAULT_ROOM = "lkedge-demo"
PUBLISHER = "lkedge"
VIEWER_TTL_S = 3600
DYNACAST_PAUSE_DELAY_S = 1.0
"""Instead of the server's 5 s, so that the layers of the demo react while one looks."""

HOW_TO_GET_A_SERVER = (
    "To get a real room, put livekit-server on the PATH, or install Go (`apt-get install golang-go`) and start "
    "this again, or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET."
)

ViewerSession = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class DemoRoom:
    """A room that is open.

    description: one line for the user. files: what the configuration refers to, by name;
    livekit: the lines of its [livekit] section. viewer: None when no page can join.
    why_no_viewer: then says why. close: ends what was started for it.
    """

    url: str
    name: str
    description: str
    livekit: Mapping[str, str]
    files: Mapping[str, str] = field(repr=False)
    viewer: ViewerSession | None
    close: Callable[[], Awaitable[None]]
    why_no_viewer: str = ""
    is_stand_in: bool = False


class Place(Protocol):
    """Where a room will be."""

    async def open(self) -> DemoRoom: ...


def choose(environ: Mapping[str, str]) -> Place:
    """LIVEKIT_URL when set, else a livekit-server (found, or built now with Go), else the stand-in.

    Raises:
        ConfigError: LIVEKIT_URL is set, but nothing to log in with.
    """
    if environ.get("LIVEKIT_URL"):
        return _given(environ)
    binary = livekit_server.find(environ=environ)
    if binary is None and shutil.which("go", path=environ.get("PATH")):
        binary = _built()
    return OwnServer(binary) if binary else StandIn()


def _built() -> Path | None:
    try:
        return livekit_server.build(livekit_server.VERSION)
    except NoServer:
        return None


def _given(environ: Mapping[str, str]) -> Place:
    url, room = environ["LIVEKIT_URL"], environ.get("LIVEKIT_ROOM") or DEFAULT_ROOM
    if environ.get("LIVEKIT_TOKEN"):
        return GivenToken(url, environ["LIVEKIT_TOKEN"], environ.get("LIVEKIT_VIEWER_TOKEN", ""))
    key, secret = environ.get("LIVEKIT_API_KEY"), environ.get("LIVEKIT_API_SECRET")
    if not (key and secret):
        raise ConfigError(
            [
                f"LIVEKIT_URL is {url}, but there is nothing to log in with: set LIVEKIT_API_KEY and "
                "LIVEKIT_API_SECRET, or LIVEKIT_TOKEN, or unset LIVEKIT_URL to use a server of the demo's own"
            ]
        )
    return GivenKey(url, room, key, secret)


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A room that somebody gave a token for."""

    url: str
    token: str = field(repr=False)
    viewer_token: str = field(repr=False)

    async def open(self) -> DemoRoom:
        room = read_claims(self.token).room or DEFAULT_ROOM
        session = {"url": self.url, "token": self.viewer_token, "room": room}
        return DemoRoom(
            url=self.url,
            name=room,
            description=f"{self.url}, with the token of LIVEKIT_TOKEN",
            livekit={"url": self.url, "token_file": "token"},
            files={"token": self.token},
            viewer=(lambda: session) if self.viewer_token else None,
            why_no_viewer="a viewer needs a token of its own: set LIVEKIT_VIEWER_TOKEN",
            close=_nothing,
        )


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A room of a server whose API key we have."""

    url: str
    room: str
    key: str = field(repr=False)
    secret: str = field(repr=False)

    async def open(self) -> DemoRoom:
        return keyed_room(self.url, self.room, self.key, self.secret, f"{self.url}, of LIVEKIT_URL", _nothing)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A livekit-server started for the demo, on loop-back."""

    binary: Path

    async def open(self) -> DemoRoom:
        """Raises ServerFailed."""
        secret = secrets.token_hex(24)
        server = LiveKitServer(self.binary, ServerSettings(secret, dynacast_pause_delay_s=DYNACAST_PAUSE_DELAY_S))

        async def close() -> None:
            await server.stop()
            server.close()

        try:
            await server.start()
        except BaseException:
            server.close()
            raise
        version = livekit_server.version_of(self.binary)
        description = f"{server.url}, livekit-server {version} started for this demo"
        return keyed_room(server.url, DEFAULT_ROOM, API_KEY, secret, description, close)


@dataclass(frozen=True, slots=True)
class StandIn:
    """An embedded room that takes what is published and shows it to nobody."""

    async def open(self) -> DemoRoom:
        # The one place outside of the tests that uses lkedge.testing: there is no server on this machine.
        from lkedge.testing.sfu import LoopbackSfu

        sfu = LoopbackSfu()
        await sfu.start()
        return DemoRoom(
            url=sfu.url,
            name=DEFAULT_ROOM,
            description=f"{sfu.url}, an embedded stand-in: a development aid, not a LiveKit room",
            livekit={"url": sfu.url, "token_file": "token"},
            files={"token": sfu.token(identity=PUBLISHER, room=DEFAULT_ROOM)},
            viewer=None,
            why_no_viewer=f"the embedded stand-in shows nothing to browsers. {HOW_TO_GET_A_SERVER}",
            close=sfu.stop,
            is_stand_in=True,
        )


def keyed_room(
    url: str, room: str, key: str, secret: str, description: str, close: Callable[[], Awaitable[None]]
) -> DemoRoom:
    """A room for whose publisher and viewers tokens are minted here."""

    def viewer() -> Mapping[str, str]:
        grants = Grants(name="viewer", can_publish=False, can_subscribe=True, ttl_s=VIEWER_TTL_S)
        identity = f"viewer-{uuid.uuid4().hex[:8]}"
        token = mint_token(key, secret, identity=identity, room=room, now_s=time.time(), grants=grants)
        return {"url": url, "token": token, "room": room}

    return DemoRoom(
        url=url,
        name=room,
        description=description,
        livekit={
            "url": url,
            "room": room,
            "identity": PUBLISHER,
            "api_key_file": "api-key",
            "api_secret_file": "api-secret",
        },
        files={"api-key": key, "api-secret": secret},
        viewer=viewer,
        close=close,
    )


async def _nothing() -> None:
    return None
