"""A daemon for tests of control: it does what it is told, to values in memory, and can be made to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lkedge.control.errors import Code, ControlError
from lkedge.control.target import ControlChanged, Listener, Notice, Reloaded, StatusChanged
from lkedge.errors import ConfigError, NoSuchTrack, SourceError
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import Control, ControlKind, ControlValue, DeviceInfo
from lkedge.plugin.manager import PluginRecord, PluginStatus
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import Permissions
from lkedge.publish.state import (
    ConnectionState,
    ConnectionStatus,
    LayerStatus,
    Status,
    TrackState,
    TrackStatus,
)
from lkedge.terms import Rid, TrackKind, TrackSource

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


@dataclass(frozen=True, slots=True)
class FakePlan:
    """As daemon.reload.ReloadPlan."""

    summary: str
    steps: tuple[str, ...] = ()


class FakeTarget:
    """A ControlTarget with the tracks "front" (video, three layers) and "talk" (sound).

    failure: raised by the next command that changes something or takes long, then forgotten.
    calls: what changed something, in order: name of the method and its arguments.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.started_ns = 1
        self.config_files: Sequence[Path] = (Path("/etc/lkedge/lkedge.toml"),)
        self.connection = ConnectionStatus(ConnectionState.CONNECTED, room="yard", identity="pi", since_ns=5)
        self.tracks = {track.name: track for track in (video_track("front"), sound_track("talk"))}
        self._listeners: list[Listener] = []
        self._permissions = Permissions()
        self._levels = {"": "info"}
        self._controls = {control.name: control for control in CONTROLS}

    def status(self) -> Status:
        return Status(self.connection, tuple(self.tracks.values()))

    async def add_track(self, settings: Mapping[str, Any], persist: bool) -> str:
        self._note("add_track", dict(settings), persist)
        name, source = settings.get("name"), settings.get("source")
        if not isinstance(name, str) or source != "testsrc":
            raise ConfigError([f"source: there is no source {source!r}", "name: is required"][: 1 + (name is None)])
        self._put(video_track(name))
        return name

    async def change_track(self, name: str, settings: Mapping[str, Any], persist: bool) -> FakePlan:
        self._note("change_track", name, dict(settings), persist)
        if "source" in settings and settings["source"] != "testsrc":
            raise ConfigError([f"source: there is no source {settings['source']!r}"])
        self._put(self._track(name))
        return FakePlan(f"changed {name}", tuple(f"{key} of {name}" for key in settings))

    async def remove_track(self, name: str, persist: bool) -> None:
        self._note("remove_track", name, persist)
        self._track(name)
        del self.tracks[name]
        self.tell(StatusChanged())

    def set_muted(self, name: str, muted: bool, persist: bool) -> None:
        self._note("set_muted", name, muted, persist)
        state = TrackState.MUTED if muted else TrackState.PUBLISHED
        self._put(replace(self._track(name), muted=muted, state=state))

    async def set_enabled(self, name: str, enabled: bool, persist: bool) -> None:
        self._note("set_enabled", name, enabled, persist)
        self._put(_enabled(self._track(name), enabled))

    async def set_kind_enabled(self, publish_as: TrackSource, enabled: bool, persist: bool) -> Sequence[str]:
        self._note("set_kind_enabled", publish_as, enabled, persist)
        wanted = [track for track in self.tracks.values() if track.publish_as is publish_as]
        changed = [track for track in wanted if (track.state is not TrackState.DISABLED) != enabled]
        for track in changed:
            self._put(_enabled(track, enabled))
        return [track.name for track in changed]

    def set_layer(self, name: str, rid: Rid, limit: LayerLimit, persist: bool) -> None:
        self._note("set_layer", name, rid, limit, persist)
        track = self._track(name)
        layers = tuple(_limited(layer, limit) if layer.rid == rid else layer for layer in track.layers)
        self._put(replace(track, layers=layers))

    def controls(self, name: str) -> Sequence[Control]:
        track = self._track(name)
        return tuple(self._controls.values()) if track.kind is TrackKind.VIDEO and track.captures else ()

    async def set_control(self, name: str, control: str, value: ControlValue, persist: bool) -> Control:
        self._note("set_control", name, control, value, persist)
        if not self.controls(name):
            raise SourceError(f"the source of {name!r} is closed")
        self._controls[control] = changed = replace(self._controls[control], value=value)
        self.tell(ControlChanged(name, changed))
        return changed

    async def snapshot(self, name: str, width: int) -> bytes:
        self._fail()
        if self._track(name).kind is TrackKind.AUDIO:
            raise ControlError(Code.NOT_POSSIBLE_NOW, f"{name!r} has no picture")
        return JPEG + str(width).encode()

    def permissions(self) -> Permissions:
        return self._permissions

    async def set_permissions(self, permissions: Permissions, persist: bool) -> None:
        self._note("set_permissions", permissions, persist)
        self._permissions = permissions

    def reconnect(self) -> None:
        self._note("reconnect")

    async def reload(self) -> FakePlan:
        try:
            self._note("reload")
        except ConfigError as error:
            self.tell(Reloaded(None, error.problems))
            raise
        plan = FakePlan("nothing has changed")
        self.tell(Reloaded(plan))
        return plan

    def plugins(self) -> Sequence[PluginRecord]:
        return (PluginRecord("builtin", "lkedge", "1.0", PluginStatus.READY, "", ("testsrc",), ("vp8",)),)

    async def devices(self) -> Sequence[DeviceInfo]:
        self._fail()
        return (DeviceInfo("v4l2", "Camera", TrackKind.VIDEO, '[[track]]\nsource = "v4l2"', {"sizes": "640x480"}),)

    def log_levels(self) -> Mapping[str, str]:
        return self._levels

    def set_log_level(self, level: str, logger: str) -> None:
        self._note("set_log_level", level, logger)
        self._levels[logger] = level

    def add_listener(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def tell(self, notice: Notice) -> None:
        """Tell all listeners."""
        for listener in tuple(self._listeners):
            listener(notice)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def _note(self, *call: Any) -> None:
        self._fail()
        self.calls.append(call)

    def _fail(self) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    def _track(self, name: str) -> TrackStatus:
        if name not in self.tracks:
            raise NoSuchTrack(name, list(self.tracks))
        return self.tracks[name]

    def _put(self, track: TrackStatus) -> None:
        self.tracks[track.name] = track
        self.tell(StatusChanged())


CONTROLS = (
    Control("brightness", ControlKind.INTEGER, 12, 0, 0, 255, 1),
    Control("gain", ControlKind.NUMBER, 1.5, 1.0, 0.0, 4.0, unit="dB"),
    Control("focus", ControlKind.MENU, "auto", "auto", choices=("auto", "manual")),
    Control("flip", ControlKind.BOOLEAN, False, False),
    Control("temperature", ControlKind.INTEGER, 41, is_writable=False),
)


def video_track(name: str) -> TrackStatus:
    """A published camera."""
    sizes = (("q", 320, 180, 160_000), ("h", 640, 360, 450_000), ("f", 1280, 720, 1_700_000))
    layers = tuple(
        LayerStatus(rid, True, width, height, rate, 30.0, 100_000, 29.97, "", 7) for rid, width, height, rate in sizes
    )
    return TrackStatus(
        name, TrackKind.VIDEO, "testsrc", TrackSource.CAMERA, TrackState.PUBLISHED, "", "TR_1", "vp8", "vp8",
        False, True, layers,
    )  # fmt: skip


def sound_track(name: str) -> TrackStatus:
    """A published microphone."""
    layers = (LayerStatus(NO_RID, True, 0, 0, 48_000, 0.0, 47_000, 50.0, "", 8),)
    return TrackStatus(
        name, TrackKind.AUDIO, "tone", TrackSource.MICROPHONE, TrackState.PUBLISHED, "", "TR_2", "opus", "opus",
        False, True, layers,
    )  # fmt: skip


def _enabled(track: TrackStatus, enabled: bool) -> TrackStatus:
    state = TrackState.PUBLISHED if enabled else TrackState.DISABLED
    return replace(track, state=state, captures=enabled)


def _limited(layer: LayerStatus, limit: LayerLimit) -> LayerStatus:
    reason = "" if limit.is_enabled else "limit"
    return replace(layer, active=limit.is_enabled, reason=reason, bitrate=limit.max_bitrate or layer.bitrate)
