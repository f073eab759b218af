# lkedge: pure
"""What was changed at run time and shall survive a restart, as values and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lkedge.config.overlay import TrackOverlay
from lkedge.plugin.api import ControlValue
from lkedge.publish.layer_controller import NO_LIMIT, LayerLimit
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.terms import BitsPerSecond, Rid

VERSION = 1

V = TypeVar("V")

Limits = Mapping[Rid, LayerLimit]
Controls = Mapping[str, ControlValue]


@dataclass(frozen=True, slots=True)
class Kept:
    """By name of the track. permissions: None when they were never kept."""

    tracks: Mapping[str, TrackOverlay] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    controls: Mapping[str, Controls] = field(default_factory=dict)
    permissions: Permissions | None = None

    @property
    def names(self) -> frozenset[str]:
        """All tracks of which something is kept."""
        return frozenset((*self.tracks, *self.limits, *self.controls))

    def with_track(self, name: str, overlay: TrackOverlay) -> Kept:
        """With this in place of what is kept of the track's settings; nothing when it is empty."""
        return replace(self, tracks=_with(self.tracks, name, None if overlay.is_empty else overlay))

    def with_limit(self, name: str, rid: Rid, limit: LayerLimit) -> Kept:
        limits = _with(self.limits.get(name, {}), rid, limit if limit != NO_LIMIT else None)
        return replace(self, limits=_with(self.limits, name, limits or None))

    def with_control(self, name: str, control: str, value: ControlValue) -> Kept:
        """The latest comes last: some controls can only be set after others."""
        controls = {key: old for key, old in self.controls.get(name, {}).items() if key != control}
        return replace(self, controls=_with(self.controls, name, {**controls, control: value}))

    def without(self, name: str) -> Kept:
        """Nothing of this track."""
        return replace(
            self,
            tracks=_with(self.tracks, name, None),
            limits=_with(self.limits, name, None),
            controls=_with(self.controls, name, None),
        )


def to_json(kept: Kept) -> dict[str, Any]:
    """Plain values for `json.dump`."""
    tracks = {name: _track_to_json(kept, name) for name in sorted(kept.names)}
    result: dict[str, Any] = {"version": VERSION, "tracks": tracks}
    if kept.permissions is not None:
        result["permissions"] = _permissions_to_json(kept.permissions)
    return result


def from_json(data: object) -> Kept:
    """The opposite of `to_json`. Raises ValueError, with what is wrong, for anything else."""
    document = _table(data, "the file")
    if document.get("version") != VERSION:
        raise ValueError(f"its version is {document.get('version')!r}; known is {VERSION}")
    tracks = _table(document.get("tracks", {}), "tracks")
    entries = {name: _table(entry, name) for name, entry in tracks.items()}
    permissions = document.get("permissions")
    return Kept(
        _each(entries, _overlay, "settings", "added", "removed"),
        _each(entries, _limits, "limits"),
        _each(entries, _controls, "controls"),
        None if permissions is None else _permissions(_table(permissions, "permissions")),
    )


def _with(mapping: Mapping[Any, V], key: str, value: V | None) -> dict[Any, V]:
    result = dict(mapping)
    result.pop(key, None)
    if value is not None:
        result[key] = value
    return result


def _track_to_json(kept: Kept, name: str) -> dict[str, Any]:
    overlay = kept.tracks.get(name, TrackOverlay())
    limits = {rid: _limit_to_json(limit) for rid, limit in kept.limits.get(name, {}).items()}
    entry = {
        "added": overlay.is_added,
        "removed": overlay.is_removed,
        "settings": dict(overlay.settings),
        "limits": limits,
        "controls": dict(kept.controls.get(name, {})),
    }
    return {key: value for key, value in entry.items() if value}


def _limit_to_json(limit: LayerLimit) -> dict[str, Any]:
    return {"enabled": limit.is_enabled, "max_bitrate": limit.max_bitrate, "max_framerate": limit.max_framerate}


def _permissions_to_json(permissions: Permissions) -> dict[str, Any]:
    participants = [
        {"identity": one.identity, "all_tracks_allowed": one.all_tracks_allowed, "tracks": list(one.tracks)}
        for one in permissions.participants
    ]
    return {"all_participants_allowed": permissions.all_participants_allowed, "participants": participants}


def _each(entries: Mapping[str, Mapping[str, Any]], read: Callable[[Mapping[str, Any]], V], *keys: str) -> dict[str, V]:
    """What `read` makes of the entries that have one of these keys."""
    return {name: read(entry) for name, entry in entries.items() if any(key in entry for key in keys)}


def _overlay(entry: Mapping[str, Any]) -> TrackOverlay:
    settings = _table(entry.get("settings", {}), "settings")
    return TrackOverlay(settings, _flag(entry.get("added", False)), _flag(entry.get("removed", False)))


def _limits(entry: Mapping[str, Any]) -> Limits:
    return {Rid(rid): _limit(_table(limit, rid)) for rid, limit in _table(entry["limits"], "limits").items()}


def _limit(limit: Mapping[str, Any]) -> LayerLimit:
    bitrate, framerate = limit.get("max_bitrate"), limit.get("max_framerate")
    return LayerLimit(
        _flag(limit.get("enabled", True)),
        None if bitrate is None else BitsPerSecond(int(_positive(bitrate))),
        None if framerate is None else _positive(framerate),
    )


def _controls(entry: Mapping[str, Any]) -> Controls:
    controls = _table(entry["controls"], "controls")
    for name, value in controls.items():
        if not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"control {name!r} cannot be {value!r:.40}")
    return controls


def _permissions(entry: Mapping[str, Any]) -> Permissions:
    participants = entry.get("participants", [])
    if not isinstance(participants, list):
        raise ValueError("participants is no list")
    return Permissions(
        _flag(entry.get("all_participants_allowed", True)),
        tuple(_participant(_table(one, "participant")) for one in participants),
    )


def _participant(entry: Mapping[str, Any]) -> ParticipantPermission:
    tracks = entry.get("tracks", [])
    if not isinstance(tracks, list):
        raise ValueError("the tracks of a participant are no list")
    names = tuple(_text(name) for name in tracks)
    return ParticipantPermission(_text(entry.get("identity")), _flag(entry.get("all_tracks_allowed", False)), names)


def _table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no table")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r:.40} is not true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no text")
    return value


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (math.isfinite(value) and value > 0):
        raise ValueError(f"{value!r:.40} is no rate")
    return value
