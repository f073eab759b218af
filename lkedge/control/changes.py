# lkedge: pure
"""What differs between two moments, apart from what is measured and changes all the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from lkedge.publish.state import ConnectionStatus, LayerStatus, Status, TrackStatus


class EventName(StrEnum):
    """Names of events, in the stream of HTTP; signals of D-Bus carry the same."""

    STATE = "state"
    TRACK_ADDED = "track_added"
    TRACK_CHANGED = "track_changed"
    TRACK_REMOVED = "track_removed"
    LAYERS_CHANGED = "layers_changed"
    CONNECTION_CHANGED = "connection_changed"
    CONTROL_CHANGED = "control_changed"
    RELOADED = "reloaded"


_LAYER_FACTS = ("rid", "active", "width", "height", "bitrate", "framerate", "reason", "ssrc")
_TRACK_FACTS = (
    "kind", "source", "publish_as", "state", "reason", "sid", "codec", "encoder", "muted", "captures",
    "restarts", "worker_pid", "condition",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    track: its new status, the last one of a removed track, None for the connection.
    """

    name: EventName
    track: TrackStatus | None = None


def changes(old: Status, new: Status) -> Iterator[Change]:
    """The differences in the order: connection, removed, added and changed tracks."""
    if _settled(old.connection) != _settled(new.connection):
        yield Change(EventName.CONNECTION_CHANGED)
    before = {track.name: track for track in old.tracks}
    remaining = {track.name for track in new.tracks}
    for track in old.tracks:
        if track.name not in remaining:
            yield Change(EventName.TRACK_REMOVED, track)
    for track in new.tracks:
        yield from _track_changes(before.get(track.name), track)


def _track_changes(old: TrackStatus | None, new: TrackStatus) -> Iterator[Change]:
    if old is None:
        yield Change(EventName.TRACK_ADDED, new)
        return
    if _facts(old, _TRACK_FACTS) != _facts(new, _TRACK_FACTS):
        yield Change(EventName.TRACK_CHANGED, new)
    if _layers(old) != _layers(new):
        yield Change(EventName.LAYERS_CHANGED, new)


def _layers(track: TrackStatus) -> list[tuple[object, ...]]:
    return [_facts(layer, _LAYER_FACTS) for layer in track.layers]


def _facts(value: TrackStatus | LayerStatus, names: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in names)


def _settled(connection: ConnectionStatus) -> ConnectionStatus:
    return replace(connection, speaker_level=0.0, round_trip_ms=0)
