# lkedge: pure
"""The objects on the bus as values, and what differs between two moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbus_fast import Variant

from lkedge.control.api import MANAGER, TRACK
from lkedge.control.dbus_interfaces import (
    CONNECTION_PROPERTIES,
    DAEMON_PROPERTIES,
    ENABLED,
    LAYER_FIELDS,
    TRACK_PROPERTIES,
    Property,
)
from lkedge.control.dbus_names import ROOT_PATH, track_path
from lkedge.control.dbus_types import encoded, table_of
from lkedge.control.replies import Reply, StatusReply, TrackReply

DISABLED = "disabled"
"""The state of a track that is not to run."""

Properties = dict[str, Variant]
Objects = dict[str, Properties]
"""Properties of our one interface, by object path."""


@dataclass(frozen=True, slots=True)
class Added:
    """An object is new."""

    path: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Removed:
    """An object has gone. name: of its track."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Properties of an object have other values; only those."""

    path: str
    properties: Properties


Difference = Added | Removed | Changed


def objects(status: StatusReply) -> Objects:
    """Everything on the bus."""
    tracks = {track_path(track.name): track_properties(track) for track in status.tracks}
    return {ROOT_PATH: manager_properties(status), **tracks}


def manager_properties(status: StatusReply) -> Properties:
    """Of org.lkedge1.Manager."""
    return _read(status, DAEMON_PROPERTIES) | _read(status.connection, CONNECTION_PROPERTIES)


def track_properties(track: TrackReply) -> Properties:
    """Of org.lkedge1.Track."""
    layers = Variant("aa{sv}", [table_of(layer, only=LAYER_FIELDS) for layer in track.layers])
    enabled = Variant("b", track.state != DISABLED)
    return _read(track, TRACK_PROPERTIES) | {"Layers": layers, ENABLED.name: enabled}


def differences(before: Mapping[str, Properties], after: Mapping[str, Properties]) -> list[Difference]:
    """What came, what went, what is another, in this order."""
    added: list[Difference] = [Added(path, after[path]) for path in after if path not in before]
    removed: list[Difference] = [Removed(path, _name(before[path])) for path in before if path not in after]
    changed: list[Difference] = []
    for path in after:
        if path in before and (new := _new_values(before[path], after[path])):
            changed.append(Changed(path, new))
    return added + removed + changed


def interface_at(path: str) -> str:
    """The interface of ours that an object of `objects` has."""
    return MANAGER if path == ROOT_PATH else TRACK


def _new_values(before: Properties, after: Properties) -> Properties:
    return {name: value for name, value in after.items() if before.get(name) != value}


def _read(reply: Reply, properties: tuple[Property, ...]) -> Properties:
    return {one.name: Variant(one.signature, _value(reply, one)) for one in properties if _is_plain(one)}


def _value(reply: Reply, one: Property) -> Any:
    return encoded(type(reply).model_fields[one.field].annotation, getattr(reply, one.field))


def _is_plain(one: Property) -> bool:
    """Read as it stands in the reply; the others are told by `track_properties`."""
    return one.field != "layers" and one is not ENABLED


def _name(properties: Properties) -> str:
    return str(properties["Name"].value)
