"""The wanted tracks against the actual room, for ever: what control talks to.

The Publisher owns the publications and, one after another, the room sessions. A session
that ends is followed by another one, as ReconnectPolicy says, until `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.clock import Clock, WallClock
from lkedge.config.models import LiveKitConfig, TrackConfig
from lkedge.errors import ConfigError, JoinRefused, LkedgeError, SignalLost
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import Control, ControlValue
from lkedge.publish.announcer import Announcer, Notify
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.publication import Publication
from lkedge.publish.reconnect import ReconnectPolicy
from lkedge.publish.state import ConnectionState, ConnectionStatus, Status
from lkedge.publish.status import round_trip_ms, track_status
from lkedge.signaling import requests
from lkedge.signaling.token import Credentials, TokenKeeper
from lkedge.terms import Rid

if TYPE_CHECKING:
    from lkedge.publish.session import RoomSession

logger = logging.getLogger(__name__)

OFFLINE_AFTER_S = 30.0
"""Without a room for so long, sources are released; they come back with the room."""

HOUSEKEEPING_S = 0.5
"""Between two readings of the rate meters and the wall clock."""


class Publisher:
    """Owned by the event loop.

    plugins: `PluginManager.targets`, for the workers. notify: `PluginManager.notify`.
    on_changed: called, at most once per turn of the loop, when `status` may differ.
    """

    def __init__(
        self,
        livekit: LiveKitConfig,
        tokens: TokenKeeper,
        *,
        clock: Clock,
        plugins: tuple[str, ...] = (),
        notify: Notify = lambda hook, **arguments: None,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._livekit = livekit
        self._tokens = tokens
        self._clock = clock
        self._plugins = plugins
        self._on_changed = on_changed
        self._announcer = Announcer(notify)
        self._wall = WallClock(clock.monotonic_ns(), clock.wall_ns())
        self._policy = ReconnectPolicy()
        self._retry_now = asyncio.Event()
        self._publications: dict[str, Publication] = {}
        self._session: RoomSession | None = None
        self._connection = ConnectionStatus(ConnectionState.DISCONNECTED, url=livekit.url)
        self._tasks: list[asyncio.Task[None]] = []
        self._offline_timer: asyncio.TimerHandle | None = None
        self._change_is_due = False
        self._is_stopping = False

    @property
    def publications(self) -> tuple[Publication, ...]:
        return tuple(self._publications.values())

    def status(self) -> Status:
        """Everything that can be seen, now."""
        connection = replace(self._connection, round_trip_ms=round_trip_ms(self.publications))
        return Status(connection, tuple(track_status(p) for p in self.publications))

    def add_track(self, config: TrackConfig) -> Publication:
        """Start a track; it is published as soon as its source and the room are there.

        Raises:
            ConfigError: a track of that name exists.
        """
        if config.name in self._publications:
            raise ConfigError([f"a track named {config.name!r} exists already: choose another name"])
        publication = Publication(config, self._plugins, self._clock, self)
        self._publications[config.name] = publication
        publication.start()
        self._tell_session()
        return publication

    async def remove_track(self, name: str) -> None:
        """Unpublish a track and release its source.

        Raises:
            ConfigError: there is no such track.
        """
        publication = self._find(name)
        del self._publications[name]
        self._tell_session()
        await publication.stop()
        self._announcer.forget(publication)
        self._note_change()

    def set_muted(self, name: str, is_muted: bool) -> None:
        """Mute or unmute a track. Raises ConfigError when there is no such track."""
        self._find(name).set_muted(is_muted)

    def set_limit(self, name: str, limit: LayerLimit, rid: Rid = NO_RID) -> None:
        """Limit one layer of a track. Raises ConfigError when there is no such track or layer."""
        self._find(name).set_limit(limit, rid)

    async def set_control(self, name: str, control: str, value: ControlValue) -> Control:
        """LiveSource.set_control of a track. Raises ConfigError when there is no such track."""
        return await self._find(name).live.set_control(control, value)

    def update_participant(self, *, name: str = "", metadata: str = "", attributes: dict[str, str]) -> None:
        """Change what others see of us; the token has to allow it."""
        if self._session is not None:
            self._session.do_send(requests.UpdateMetadata(metadata=metadata, name=name, attributes=attributes))

    def reconnect(self) -> None:
        """Do not wait for the next attempt."""
        self._retry_now.set()

    def start(self) -> None:
        """Begin to connect. Tracks may be added before and after."""
        threading.Thread(target=_preload, name="preload", daemon=True).start()
        self._tasks = [
            asyncio.create_task(self._run(), name="publisher"),
            asyncio.create_task(self._housekeep(), name="publisher.housekeeping"),
        ]

    async def stop(self) -> None:
        """Leave the room, stop all workers."""
        self._is_stopping = True
        self._retry_now.set()
        self._cancel_offline()
        if self._session is not None:
            self._session.leave()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(publication.stop() for publication in self._publications.values()))

    def do_publication_changed(self, publication: Publication) -> None:
        if self._session is not None:
            self._session.tracks.wake()
            self._session.pace(sum(p.track.target_bitrate for p in self._publications.values()))
        self._announcer.tell(publication)
        self._note_change()

    def do_mute_changed(self, publication: Publication) -> None:
        if self._session is not None and publication.attachment is not None:
            self._session.do_send(requests.Mute(publication.attachment.sid, publication.is_muted))

    async def _run(self) -> None:
        while not self._is_stopping:
            error = await self._run_session()
            if self._is_stopping:
                break
            await self._wait_after(error)
        self._set_connection(replace(self._connection, state=ConnectionState.CLOSED, reason=""))

    async def _run_session(self) -> LkedgeError | None:
        """One session from token to end. Returns why it ended, None when we left."""
        session: RoomSession | None = None
        try:
            self._set_connection(replace(self._connection, state=ConnectionState.CONNECTING))
            credentials = await self._tokens.credentials()
            session = self._session = self._new_session(credentials)
            session.set_wanted(list(self._publications.values()))
            await session.run()
        except LkedgeError as error:
            return error
        finally:
            self._session = None
            self._begin_offline()
        return None

    def _new_session(self, credentials: Credentials) -> RoomSession:
        # Imported late: the workers open their sources meanwhile.
        from lkedge.publish.media_path import ice_settings
        from lkedge.publish.session import RoomSession

        url = credentials.url or self._livekit.url
        return RoomSession(
            url,
            credentials.token,
            ice=ice_settings(self._livekit.ice, url),
            clock=self._clock,
            wall=self._wall,
            on_changed=self._on_session_changed,
            on_token=self._tokens.refreshed,
            profile=self._profile(),
        )

    def _profile(self) -> requests.UpdateMetadata:
        """What the configuration says others shall see of us."""
        livekit = self._livekit
        return requests.UpdateMetadata(
            metadata=livekit.metadata or "", name=livekit.name or "", attributes=livekit.attributes
        )

    async def _wait_after(self, error: LkedgeError | None) -> None:
        if isinstance(error, JoinRefused):
            self._tokens.forget()
        reason = str(error) or "the session ended"
        decision = self._policy.failed(error or SignalLost(reason), self._clock.monotonic_ns(), random.random())
        self._set_connection(replace(self._connection, state=ConnectionState.WAITING, reason=reason))
        level = logging.ERROR if decision.is_slow else logging.WARNING
        logger.log(level, "not connected: %s; next try in %.1f s", reason, decision.delay_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._retry_now.wait(), decision.delay_s)
        self._retry_now.clear()

    def _on_session_changed(self, status: ConnectionStatus) -> None:
        was_connected = self._connection.state is ConnectionState.CONNECTED
        if status.state is ConnectionState.CONNECTED and not was_connected:
            self._policy.connected(self._clock.monotonic_ns())
            self._end_offline()
        joins = self._connection.joins + (status.participant_sid not in ("", self._connection.participant_sid))
        if status.state is not ConnectionState.CLOSED:
            self._set_connection(replace(status, joins=joins))

    def _set_connection(self, connection: ConnectionStatus) -> None:
        self._connection = connection
        self._note_change()

    def _begin_offline(self) -> None:
        if self._offline_timer is None and not self._is_stopping:
            loop = asyncio.get_running_loop()
            self._offline_timer = loop.call_later(OFFLINE_AFTER_S, self._set_connected, False)

    def _end_offline(self) -> None:
        self._cancel_offline()
        self._set_connected(True)

    def _cancel_offline(self) -> None:
        if self._offline_timer is not None:
            self._offline_timer.cancel()
            self._offline_timer = None

    def _set_connected(self, is_connected: bool) -> None:
        for publication in self._publications.values():
            publication.set_connected(is_connected)

    def _tell_session(self) -> None:
        if self._session is not None:
            self._session.set_wanted(list(self._publications.values()))
        self._note_change()

    def _find(self, name: str) -> Publication:
        if name not in self._publications:
            known = ", ".join(self._publications) or "none"
            raise ConfigError([f"there is no track named {name!r}; there are: {known}"])
        return self._publications[name]

    def _note_change(self) -> None:
        if not self._change_is_due:
            self._change_is_due = True
            asyncio.get_running_loop().call_soon(self._tell_change)

    def _tell_change(self) -> None:
        self._change_is_due = False
        self._on_changed()

    async def _housekeep(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            now_ns = self._clock.monotonic_ns()
            self._wall.update(now_ns, self._clock.wall_ns())
            for publication in self._publications.values():
                if publication.attachment is not None:
                    publication.attachment.measure(now_ns)


def _preload() -> None:
    """What DTLS needs takes 0.2 s to import: beside the token and the WebSocket, not after them."""
    from lkedge.rtc.publisher_transport import preload

    preload()
