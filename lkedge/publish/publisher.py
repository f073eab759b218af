"""The wanted tracks against the actual room, for ever: what control talks to.

The Publisher owns the publications; its RoomConnection makes, one after another, the room
sessions that publish them, until `stop`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.clock import Clock, WallClock
from lkedge.config.models import LiveKitConfig, TrackConfig
from lkedge.errors import ConfigError, NoSuchTrack
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import Control, ControlValue
from lkedge.publish.announcer import Announcer, Notify
from lkedge.publish.complaints import was_set
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import Permissions
from lkedge.publish.publication import Publication
from lkedge.publish.room_connection import RoomConnection
from lkedge.publish.state import Status
from lkedge.publish.status import round_trip_ms, track_status
from lkedge.signaling import requests
from lkedge.signaling.token import TokenKeeper
from lkedge.terms import Rid

if TYPE_CHECKING:
    from lkedge.publish.session import RoomSession

logger = logging.getLogger(__name__)

LEAVE_DEADLINE_S = 8.0
"""Closing a WebSocket and DTLS towards a server that does not answer takes some seconds."""

HOUSEKEEPING_S = 0.5
"""Between two readings of the rate meters and the wall clock."""


class Publisher:
    """Owned by the event loop. Whoever names a track that there is not gets NoSuchTrack.

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
        self._clock = clock
        self._plugins = plugins
        self._on_changed = on_changed
        self._announcer = Announcer(notify)
        self._wall = WallClock(clock.monotonic_ns(), clock.wall_ns())
        self._publications: dict[str, Publication] = {}
        self._permissions = Permissions()
        self._connection = RoomConnection(
            livekit,
            tokens,
            clock=clock,
            wall=self._wall,
            on_session=self._prepare,
            on_changed=self._note_change,
            on_online=self._set_connected,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._change_is_due = False
        self._is_stopping = False

    @property
    def publications(self) -> tuple[Publication, ...]:
        return tuple(self._publications.values())

    @property
    def permissions(self) -> Permissions:
        """Who may subscribe to what."""
        return self._permissions

    def publication(self, name: str) -> Publication:
        """The track of that name."""
        if name not in self._publications:
            raise NoSuchTrack(name, self._publications)
        return self._publications[name]

    def status(self) -> Status:
        """Everything that can be seen, now."""
        connection = replace(self._connection.status, round_trip_ms=round_trip_ms(self.publications))
        return Status(connection, tuple(track_status(p) for p in self.publications))

    def problems(self) -> dict[str, str]:
        """What is wrong with the parts that have to live while this does; "" for those that are well."""
        if self._is_stopping:
            return {}
        ended = {task.get_name(): _how_it_ended(task) for task in self._tasks}
        return ended | {f"worker of {name}": p.worker.problem for name, p in self._publications.items()}

    def add_track(
        self,
        config: TrackConfig,
        *,
        limits: Mapping[Rid, LayerLimit] | None = None,
        controls: Mapping[str, ControlValue] | None = None,
    ) -> Publication:
        """Start a track; it is published as soon as its source and the room are there.

        A track that is not enabled is only listed. limits, controls: of an earlier life, to be set again.

        Raises:
            ConfigError: a track of that name exists.
        """
        if config.name in self._publications:
            raise ConfigError([f"a track named {config.name!r} exists already: choose another name"])
        publication = Publication(config, self._plugins, self._clock, self)
        publication.restore(limits or {}, controls or {})
        self._publications[config.name] = publication
        publication.start()
        self._tell_session()
        return publication

    async def change_track(self, config: TrackConfig) -> None:
        """Publication.change for the track of that name; one of another kind takes its place."""
        publication = self.publication(config.name)
        if publication.kind is config.kind:
            await publication.change(config)
            self._note_change()
            return
        is_enabled, is_muted = publication.is_enabled, publication.is_muted
        await self.remove_track(config.name)
        self.add_track(replace(config, enabled=is_enabled, muted=is_muted))

    async def remove_track(self, name: str) -> None:
        """Unpublish a track and release its source."""
        publication = self.publication(name)
        del self._publications[name]
        self._tell_session()
        await publication.stop()
        self._announcer.forget(publication)
        self._note_change()

    async def set_enabled(self, name: str, is_enabled: bool) -> None:
        """Publication.set_enabled of a track."""
        await self.publication(name).set_enabled(is_enabled)

    def set_muted(self, name: str, is_muted: bool) -> None:
        """Mute or unmute a track."""
        self.publication(name).set_muted(is_muted)

    def set_limit(self, name: str, limit: LayerLimit, rid: Rid = NO_RID) -> None:
        """Limit one layer of a track. Raises ConfigError when there is no such layer."""
        self.publication(name).set_limit(limit, rid)

    async def set_control(self, name: str, control: str, value: ControlValue) -> Control:
        """LiveSource.set_control of a track."""
        return await self.publication(name).live.set_control(control, value)

    def set_permissions(self, permissions: Permissions) -> None:
        """Say who may subscribe to what, now and after every join; tracks may be named before they exist."""
        self._permissions = permissions
        if self._session is not None:
            self._session.set_permissions(permissions)
        self._note_change()

    def update_participant(self, *, name: str = "", metadata: str = "", attributes: dict[str, str]) -> None:
        """Change what others see of us; the token has to allow it."""
        if self._session is not None:
            self._session.do_send(requests.UpdateMetadata(metadata=metadata, name=name, attributes=attributes))

    def retry_sources(self) -> None:
        """A device came: open the sources that wait after a failure at once."""
        for publication in self._publications.values():
            publication.worker.retry()

    def follow_log_levels(self) -> None:
        """Have all workers log as this process does now."""
        for publication in self._publications.values():
            publication.worker.follow_log_levels()

    def reconnect(self) -> None:
        """Join the room anew, now."""
        self._connection.reconnect()

    def use(self, livekit: LiveKitConfig, tokens: TokenKeeper) -> None:
        """Leave, and join as these settings say."""
        self._connection.use(livekit, tokens)

    def show(self, livekit: LiveKitConfig, tokens: TokenKeeper) -> None:
        """Show others another name, metadata or attributes, without leaving."""
        self._connection.show(livekit, tokens)

    def start(self) -> None:
        """Begin to connect. Tracks may be added before and after."""
        threading.Thread(target=_preload, name="preload", daemon=True).start()
        self._tasks = [
            asyncio.create_task(self._connection.run(), name="publisher"),
            asyncio.create_task(self._housekeep(), name="publisher.housekeeping"),
        ]

    async def stop(self) -> None:
        """Leave the room, stop all workers."""
        self._is_stopping = True
        self._connection.stop()
        for task in self._tasks[1:]:
            task.cancel()
        await self._end_tasks()
        await asyncio.gather(*(publication.stop() for publication in self._publications.values()))

    async def _end_tasks(self) -> None:
        """The room is left within the deadline, or not at all."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=LEAVE_DEADLINE_S)
        for task in late:
            logger.warning("%s has not ended within %g s, and is cancelled", task.get_name(), LEAVE_DEADLINE_S)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def do_publication_changed(self, publication: Publication) -> None:
        if self._session is not None:
            self._session.tracks.wake()
            self._session.share_permissions()
            self._session.pace(sum(p.track.target_bitrate for p in self._publications.values()))
        self._announcer.tell(publication)
        self._note_change()

    def do_mute_changed(self, publication: Publication) -> None:
        if self._session is not None and publication.attachment is not None:
            self._session.do_send(requests.Mute(publication.attachment.sid, publication.is_muted))

    @property
    def _session(self) -> RoomSession | None:
        return self._connection.session

    def _prepare(self, session: RoomSession) -> None:
        session.set_wanted(list(self._publications.values()))
        session.set_permissions(self._permissions)

    def _set_connected(self, is_connected: bool) -> None:
        for publication in self._publications.values():
            publication.set_connected(is_connected)

    def _tell_session(self) -> None:
        if self._session is not None:
            self._session.set_wanted(list(self._publications.values()))
        self._note_change()

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
            if was_set(self._wall.update(now_ns, self._clock.wall_ns())):
                self._connection.clock_was_set()
            for publication in self._publications.values():
                if publication.attachment is not None:
                    publication.attachment.measure(now_ns)


def _preload() -> None:
    """What DTLS needs takes 0.2 s to import: beside the token and the WebSocket, not after them."""
    from lkedge.rtc.publisher_transport import preload

    preload()


def _how_it_ended(task: asyncio.Task[None]) -> str:
    """Of a task that lives as long as the publisher; "" while it runs."""
    if not task.done():
        return ""
    return "it was cancelled" if task.cancelled() else f"it has ended: {task.exception()!r}"
