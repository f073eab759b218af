"""The daemon as control sees it: every command of the table, on the parts that do it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lkedge.control.errors import Code, ControlError
from lkedge.control.target import Listener
from lkedge.daemon.changes import Changes
from lkedge.daemon.configuration import Configuration
from lkedge.daemon.device_list import list_devices
from lkedge.daemon.log_levels import log_levels, set_log_level
from lkedge.daemon.notices import Notices
from lkedge.daemon.reload import ReloadPlan
from lkedge.errors import NoSuchTrack
from lkedge.plugin.api import Control, ControlValue, DeviceInfo
from lkedge.plugin.manager import PluginManager, PluginRecord
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import Permissions
from lkedge.publish.publisher import Publisher
from lkedge.publish.state import Status
from lkedge.terms import Rid, TrackSource

logger = logging.getLogger(__name__)


class DaemonTarget:
    """lkedge.control.target.ControlTarget. Owned by the event loop.

    What is kept is checked for a place to keep it before anything is done. The commands that
    return at once keep it in the background; the others have it on the disk when they return.
    """

    def __init__(
        self,
        publisher: Publisher,
        configuration: Configuration,
        changes: Changes,
        plugins: PluginManager,
        notices: Notices,
        started_ns: int,
    ) -> None:
        self._publisher = publisher
        self._configuration = configuration
        self._changes = changes
        self._plugins = plugins
        self._notices = notices
        self._probing = asyncio.Lock()
        self.started_ns = started_ns

    @property
    def config_files(self) -> Sequence[Path]:
        return self._configuration.current.files

    def status(self) -> Status:
        return self._publisher.status()

    async def add_track(self, settings: Mapping[str, Any], persist: bool) -> str:
        self._check(persist)
        name = settings.get("name")
        if any(publication.name == name for publication in self._publisher.publications):
            raise ControlError(Code.CONFLICT, f"a track named {name!r} exists already: choose another name")
        await self._changes.make(lambda: self._configuration.added(settings, persist=persist), must_save=persist)
        return str(name)

    async def change_track(self, name: str, settings: Mapping[str, Any], persist: bool) -> ReloadPlan:
        self._check(persist)
        change = self._configuration.changed
        done = await self._changes.make(lambda: change(name, settings, persist=persist), must_save=persist)
        await self._insist(name, settings)
        return done

    async def remove_track(self, name: str, persist: bool) -> None:
        self._check(persist)
        await self._changes.make(lambda: self._configuration.removed(name, persist=persist), must_save=persist)

    def set_muted(self, name: str, muted: bool, persist: bool) -> None:
        self._check(persist)
        self._publisher.set_muted(name, muted)
        if persist:
            self._changes.adopt(self._configuration.changed(name, {"muted": muted}, persist=True))

    async def set_enabled(self, name: str, enabled: bool, persist: bool) -> None:
        self._check(persist)
        self._publisher.publication(name)
        if persist:
            self._changes.adopt(self._configuration.changed(name, {"enabled": enabled}, persist=True))
        await self._changes.set_enabled(name, enabled)
        await self._saved(persist)

    async def set_kind_enabled(self, publish_as: TrackSource, enabled: bool, persist: bool) -> list[str]:
        self._check(persist)
        tracks = [one for one in self._publisher.publications if one.config.publish_as is publish_as]
        changed = [one.name for one in tracks if one.is_enabled is not enabled]
        if persist:
            for track in tracks:
                self._changes.adopt(self._configuration.changed(track.name, {"enabled": enabled}, persist=True))
        await asyncio.gather(*(self._changes.set_enabled(name, enabled) for name in changed))
        await self._saved(persist)
        return changed

    def set_layer(self, name: str, rid: Rid, limit: LayerLimit, persist: bool) -> None:
        self._check(persist)
        self._publisher.set_limit(name, limit, rid)
        if persist:
            kept = self._configuration.kept.with_limit(name, rid, limit)
            self._changes.adopt(self._configuration.keeping(kept))

    def controls(self, name: str) -> Sequence[Control]:
        return self._publisher.publication(name).controls

    async def set_control(self, name: str, control: str, value: ControlValue, persist: bool) -> Control:
        self._check(persist)
        taken = await self._publisher.set_control(name, control, value)
        if persist:
            kept = self._configuration.kept.with_control(name, control, taken.value)
            self._changes.adopt(self._configuration.keeping(kept))
            await self._saved(persist)
        return taken

    async def snapshot(self, name: str, width: int) -> bytes:
        return await self._publisher.publication(name).snapshot(width)

    def permissions(self) -> Permissions:
        return self._publisher.permissions

    async def set_permissions(self, permissions: Permissions, persist: bool) -> None:
        self._check(persist)
        known = [publication.name for publication in self._publisher.publications]
        for name in sorted(permissions.track_names() - set(known)):
            raise NoSuchTrack(name, known)
        self._publisher.set_permissions(permissions)
        if persist:
            kept = replace(self._configuration.kept, permissions=permissions)
            self._changes.adopt(self._configuration.keeping(kept))
            await self._saved(persist)

    def reconnect(self) -> None:
        self._publisher.reconnect()

    async def reload(self) -> ReloadPlan:
        return await self._changes.reload()

    def plugins(self) -> Sequence[PluginRecord]:
        return self._plugins.records

    async def devices(self) -> Sequence[DeviceInfo]:
        async with self._probing:
            return await list_devices()

    def log_levels(self) -> Mapping[str, str]:
        return log_levels()

    def set_log_level(self, level: str, logger: str) -> None:
        set_log_level(level, logger)
        self._publisher.follow_log_levels()

    def add_listener(self, listener: Listener) -> None:
        self._notices.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        self._notices.remove(listener)

    async def _insist(self, name: str, settings: Mapping[str, Any]) -> None:
        """Who says it wants it so, even if the settings said so before and something else was done meanwhile."""
        track = self._configuration.track(name)
        if "muted" in settings:
            self._publisher.set_muted(name, track.muted)
        if "enabled" in settings:
            await self._changes.set_enabled(name, track.enabled)

    def _check(self, persist: bool) -> None:
        if persist:
            self._configuration.check_can_keep()

    async def _saved(self, persist: bool) -> None:
        if persist:
            await self._configuration.save()
