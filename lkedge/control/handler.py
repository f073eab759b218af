"""Carries out the commands of the table on the daemon, for every spelling.

    handler = Handler(target)
    reply = await handler.call(COMMAND["mute"], from_values(COMMAND["mute"], {"track": "front"}))

Rights are not looked at here: a spelling checks `Rights.permits` (peer.py) before it calls.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from lkedge import __version__
from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.control import arguments as args
from lkedge.control import convert, replies
from lkedge.control.api import Command
from lkedge.control.arguments import Arguments
from lkedge.control.errors import Code, ControlError
from lkedge.control.events import EventHub
from lkedge.control.failures import as_control_error
from lkedge.control.replies import SINGLE, Reply
from lkedge.control.target import ControlTarget
from lkedge.errors import NoSuchTrack, SourceError
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import Control, DeviceInfo
from lkedge.plugin.controls import checked_value
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.publish.state import TrackStatus
from lkedge.terms import BitsPerSecond, Rid

logger = logging.getLogger(__name__)

DEADLINE_S = 30.0
"""A command that takes longer is answered with `timeout`, and goes on."""

MAX_RUNNING = 32
"""Commands that wait for something; one more is refused as `busy`."""

CLOSE_DEADLINE_S = 2.0

Result = Reply | bytes


class Handler:
    """Owned by the event loop; one for all spellings.

    events: what changes, for all who listen.
    """

    def __init__(self, target: ControlTarget, *, clock: Clock | None = None, deadline_s: float = DEADLINE_S) -> None:
        self._target = target
        self._clock = clock or SystemClock()
        self._deadline_s = deadline_s
        self._running: set[asyncio.Task[Result]] = set()
        self._search: asyncio.Task[Sequence[DeviceInfo]] | None = None
        self.events = EventHub(target, self._clock)

    @property
    def target(self) -> ControlTarget:
        return self._target

    async def call(self, command: Command, arguments: BaseModel) -> Reply | bytes:
        """Carry out one command.

        A command that waits is not interrupted when its caller goes away or loses patience: half of a
        change is worse than one that nobody waits for.

        Args:
            arguments: of the command's own model, see parse.py.

        Raises:
            ControlError: it was refused.
        """
        try:
            result = self._method(command)(arguments)
            return await self._awaited(command, result) if isinstance(result, Awaitable) else result
        except ControlError:
            raise
        except Exception as error:
            raise as_control_error(command.name, error) from error

    async def close(self) -> None:
        """Give up what still runs."""
        tasks = {*self._running, *([self._search] if self._search else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_DEADLINE_S)

    def _method(self, command: Command) -> Callable[[Any], Result | Awaitable[Result]]:
        """`add_track` is done by `_add_track`; a test says that none is missing."""
        return cast(Callable[[Any], Result | Awaitable[Result]], getattr(self, f"_{command.name}"))

    async def _awaited(self, command: Command, result: Awaitable[Result]) -> Result:
        if len(self._running) >= MAX_RUNNING:
            cast(Any, result).close()
            raise ControlError(Code.BUSY, f"{command.name}: {MAX_RUNNING} commands run already; try again later")
        task: asyncio.Task[Result] = asyncio.create_task(cast(Any, result), name=f"control.{command.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._deadline_s)
        if not done:
            task.add_done_callback(lambda late: _report_late(command.name, late))
            text = f"{command.name}: not done after {self._deadline_s:g} s; it goes on, look at the status"
            raise ControlError(Code.TIMEOUT, text)
        if task.cancelled():
            raise ControlError(Code.NOT_POSSIBLE_NOW, f"{command.name}: given up, the daemon stops")
        return task.result()

    def _status(self, _: Arguments) -> replies.StatusReply:
        status = self._target.status()
        now_ns = self._clock.monotonic_ns()
        offset_ns = self._clock.wall_ns() - now_ns
        return replies.StatusReply(
            version=__version__,
            pid=os.getpid(),
            since=convert.iso_time(self._target.started_ns + offset_ns),
            uptime=round((now_ns - self._target.started_ns) / SECOND_NS, 3),
            config_files=[_shown(path) for path in self._target.config_files],
            connection=convert.connection_reply(status.connection, offset_ns),
            tracks=[convert.track_reply(track) for track in status.tracks],
        )

    def _tracks(self, _: Arguments) -> replies.TracksReply:
        return replies.TracksReply(tracks=[convert.track_reply(track) for track in self._target.status().tracks])

    def _track(self, wanted: args.OfTrack) -> replies.TrackReply:
        return convert.track_reply(self._find(wanted.track))

    async def _add_track(self, wanted: args.AddTrack) -> replies.TrackReply:
        name = wanted.settings.get("name")
        if any(track.name == name for track in self._target.status().tracks):
            text = f"a track named {name!r} exists already: choose another name, or change that one"
            raise ControlError(Code.CONFLICT, text)
        added = await self._target.add_track(wanted.settings, wanted.persist)
        return convert.track_reply(self._find(added))

    async def _change_track(self, wanted: args.ChangeTrack) -> replies.PlanReply:
        self._find(wanted.track)
        return convert.plan_reply(await self._target.change_track(wanted.track, wanted.settings, wanted.persist))

    async def _remove_track(self, wanted: args.ChangeTrackState) -> replies.Done:
        self._find(wanted.track)
        await self._target.remove_track(wanted.track, wanted.persist)
        return replies.Done()

    def _mute(self, wanted: args.ChangeTrackState) -> replies.TrackReply:
        return self._set_muted(wanted, True)

    def _unmute(self, wanted: args.ChangeTrackState) -> replies.TrackReply:
        return self._set_muted(wanted, False)

    def _set_muted(self, wanted: args.ChangeTrackState, muted: bool) -> replies.TrackReply:
        self._find(wanted.track)
        self._target.set_muted(wanted.track, muted, wanted.persist)
        return self._track(wanted)

    async def _enable(self, wanted: args.ChangeTrackState) -> replies.TrackReply:
        return await self._set_enabled(wanted, True)

    async def _disable(self, wanted: args.ChangeTrackState) -> replies.TrackReply:
        return await self._set_enabled(wanted, False)

    async def _set_enabled(self, wanted: args.ChangeTrackState, enabled: bool) -> replies.TrackReply:
        self._find(wanted.track)
        await self._target.set_enabled(wanted.track, enabled, wanted.persist)
        return self._track(wanted)

    async def _enable_kind(self, wanted: args.ChangeSource) -> replies.ChangedTracksReply:
        return await self._set_kind_enabled(wanted, True)

    async def _disable_kind(self, wanted: args.ChangeSource) -> replies.ChangedTracksReply:
        return await self._set_kind_enabled(wanted, False)

    async def _set_kind_enabled(self, wanted: args.ChangeSource, enabled: bool) -> replies.ChangedTracksReply:
        changed = await self._target.set_kind_enabled(wanted.publish_as, enabled, wanted.persist)
        return replies.ChangedTracksReply(tracks=list(changed))

    def _set_layer(self, wanted: args.SetLayer) -> replies.TrackReply:
        rid = _known_rid(self._find(wanted.track), wanted.rid)
        max_bitrate = None if wanted.max_bitrate is None else BitsPerSecond(wanted.max_bitrate)
        limit = LayerLimit(wanted.enabled, max_bitrate, wanted.max_framerate)
        self._target.set_layer(wanted.track, rid, limit, wanted.persist)
        return self._track(wanted)

    def _controls(self, wanted: args.OfTrack) -> replies.ControlsReply:
        self._find(wanted.track)
        controls = self._target.controls(wanted.track)
        return replies.ControlsReply(controls=[convert.control_reply(control) for control in controls])

    async def _set_control(self, wanted: args.SetControl) -> replies.ControlReply:
        self._find(wanted.track)
        _check_control(self._target.controls(wanted.track), wanted)
        control = await self._target.set_control(wanted.track, wanted.control, wanted.value, wanted.persist)
        return convert.control_reply(control)

    async def _snapshot(self, wanted: args.Snapshot) -> bytes:
        self._find(wanted.track)
        return await self._target.snapshot(wanted.track, wanted.width)

    def _permissions(self, _: Arguments) -> replies.PermissionsReply:
        return convert.permissions_reply(self._target.permissions())

    async def _set_permissions(self, wanted: args.SetPermissions) -> replies.PermissionsReply:
        participants = tuple(
            ParticipantPermission(entry.identity, entry.all_tracks_allowed, tuple(entry.tracks))
            for entry in wanted.participants
        )
        permissions = Permissions(wanted.all_participants_allowed, participants)
        await self._target.set_permissions(permissions, wanted.persist)
        return convert.permissions_reply(self._target.permissions())

    def _reconnect(self, _: Arguments) -> replies.Done:
        self._target.reconnect()
        return replies.Done()

    async def _reload(self, _: Arguments) -> replies.PlanReply:
        return convert.plan_reply(await self._target.reload())

    def _plugins(self, _: Arguments) -> replies.PluginsReply:
        return convert.plugins_reply(self._target.plugins())

    async def _devices(self, _: Arguments) -> replies.DevicesReply:
        """Whoever asks while devices are looked for gets the same answer: looking takes seconds."""
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(_as_coroutine(self._target.devices()), name="control.search")
        return convert.devices_reply(await asyncio.shield(self._search))

    def _log_level(self, _: Arguments) -> replies.LogLevelReply:
        levels = dict(self._target.log_levels())
        return replies.LogLevelReply(level=levels.pop("", "info"), loggers=levels)

    def _set_log_level(self, wanted: args.SetLogLevel) -> replies.LogLevelReply:
        self._target.set_log_level(wanted.level, wanted.logger)
        return self._log_level(wanted)

    def _find(self, name: str) -> TrackStatus:
        tracks = self._target.status().tracks
        for track in tracks:
            if track.name == name:
                return track
        raise NoSuchTrack(name, [track.name for track in tracks])


def _known_rid(track: TrackStatus, name: str) -> Rid:
    """The rid of that name. A track that has not told its layers yet takes any."""
    rid = NO_RID if name == SINGLE else Rid(name)
    known = [layer.rid for layer in track.layers]
    if known and rid not in known:
        listed = ", ".join(rid or SINGLE for rid in known)
        raise ControlError(Code.NOT_FOUND, f"track {track.name!r} has no layer {name!r}; there are: {listed}")
    return rid


def _check_control(controls: Any, wanted: args.SetControl) -> None:
    """Refuse early and in words what the source would refuse; a closed source has to say itself what it takes."""
    if not controls:
        return
    by_name: dict[str, Control] = {control.name: control for control in controls}
    control = by_name.get(wanted.control)
    if control is None:
        text = f"track {wanted.track!r} has no control {wanted.control!r}; there are: {', '.join(by_name)}"
        raise ControlError(Code.NOT_FOUND, text)
    try:
        checked_value(control, wanted.value)
    except SourceError as error:
        code = Code.INVALID_ARGUMENT if control.is_writable else Code.NOT_POSSIBLE_NOW
        raise ControlError(code, str(error), [str(error)]) from error


def _shown(path: Path) -> str:
    """Absolute, for whoever reads it stands in another folder; and Unicode, which names of files need not be."""
    return os.fsencode(path.absolute()).decode("utf-8", "replace")


async def _as_coroutine(devices: Awaitable[Sequence[DeviceInfo]]) -> Sequence[DeviceInfo]:
    return await devices


def _report_late(name: str, task: asyncio.Task[Result]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.warning("%s failed after its deadline: %s", name, task.exception())
