# lkedge: pure
"""The control messages of the link: commands to a worker, events and log lines from it."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import ControlValue
from lkedge.terms import Rid
from lkedge.worker.events import ReportedEvent
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.spec import AudioPlan, AudioWorkerSpec, VideoWorkerSpec


@dataclass(frozen=True, slots=True)
class Start:
    """The first command. Exactly one of `video` and `audio` is set.

    plugins: modules to load beside the built-in plugin; empty for every installed one.
    controls: what was set at run time, for each opening of the source; in this order.
    """

    video: VideoWorkerSpec | None
    audio: AudioWorkerSpec | None
    plugins: tuple[str, ...]
    log_level: int
    controls: Mapping[str, ControlValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApplyLayers:
    plan: LayerPlan


@dataclass(frozen=True, slots=True)
class ApplyAudio:
    plan: AudioPlan


@dataclass(frozen=True, slots=True)
class RequestKeyFrame:
    rid: Rid


@dataclass(frozen=True, slots=True)
class SetControl:
    """Answered by ControlSet or ControlRefused with the same `request`."""

    name: str
    value: ControlValue
    request: int


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Answered by SnapshotTaken or SnapshotRefused with the same `request`.

    width: of the JPEG; 0 as captured. The shape of the picture stays, and it is never enlarged.
    """

    width: int
    request: int


@dataclass(frozen=True, slots=True)
class Retry:
    """A device came: open a source that waits after a failure at once."""


@dataclass(frozen=True, slots=True)
class UseEncoder:
    """Encode with it from the next picture on; the others stay behind it, by rank. "": by rank alone."""

    name: str


@dataclass(frozen=True, slots=True)
class SetLogLevels:
    """By logger, "lkedge" for the general level. Levels that it does not name stay."""

    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stop:
    """Close the source and end."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record of a worker process, for the daemon to write. fields: of `lkedge.journal`."""

    level: int
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)


Command = (
    Start
    | ApplyLayers
    | ApplyAudio
    | RequestKeyFrame
    | SetControl
    | TakeSnapshot
    | Retry
    | UseEncoder
    | SetLogLevels
    | Stop
)
Report = ReportedEvent | LogLine

_COMMANDS = {cls.__name__: cls for cls in typing.get_args(Command)}
_REPORTS = {cls.__name__: cls for cls in typing.get_args(Report)}


def encode(message: Command | Report) -> bytes:
    """One message as UTF-8 JSON: its class name and its fields."""
    return json.dumps([type(message).__name__, to_json(message)], separators=(",", ":")).encode()


def decode_command(data: bytes) -> Command:
    """Raises ValueError."""
    return typing.cast(Command, _decode(_COMMANDS, data))


def decode_report(data: bytes) -> Report:
    """Raises ValueError for anything that is not exactly a report."""
    return typing.cast(Report, _decode(_REPORTS, data))


def _decode(classes: dict[str, type], data: bytes) -> object:
    try:
        name, fields = json.loads(data)
        return from_json(classes[name], fields)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{data[:60]!r} is not a message: {error}") from error
