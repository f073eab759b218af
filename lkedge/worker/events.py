# lkedge: pure
"""What a worker tells the daemon besides frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lkedge.plugin.api import AudioFormat, Control, ControlValue, VideoFormat
from lkedge.terms import Rid


class SourceState(StrEnum):
    """Where the source of a worker stands."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    WAITING = "waiting"
    """It failed and is tried again later."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The source delivers; exactly one of the formats is set."""

    video: VideoFormat | None = None
    audio: AudioFormat | None = None


@dataclass(frozen=True, slots=True)
class SourceClosed:
    """The source was released because the plan does not want it."""


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The source could not be opened, or is lost. The worker tries again by itself.

    Sent when it happens and when the reason changes, not for every further attempt.
    """

    reason: str
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class SourceFinished:
    """The source came to its natural end; the worker will not open it again."""


@dataclass(frozen=True, slots=True)
class SourceCondition:
    """The source works but has nothing real to show, as `text` says; "": all is well, or it is closed."""

    text: str


@dataclass(frozen=True, slots=True)
class ControlsListed:
    """The controls of the open source as they are now; none when it is closed. Sent when they differ."""

    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class ControlSet:
    """The source took a value. request: of the SetControl that this answers."""

    name: str
    value: ControlValue
    request: int = 0


@dataclass(frozen=True, slots=True)
class ControlRefused:
    """The source did not take a value; `reason` is a sentence.

    request: as in ControlSet; 0 when a value that was set earlier was refused after a new opening.
    """

    name: str
    reason: str
    request: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A picture as JPEG. request: of the TakeSnapshot that this answers."""

    request: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SnapshotRefused:
    """There is no picture; `reason` is a sentence. request: as in SnapshotTaken."""

    reason: str
    request: int


@dataclass(frozen=True, slots=True)
class EncoderOpened:
    """A layer is encoded by `encoder` from now on."""

    rid: Rid
    encoder: str


@dataclass(frozen=True, slots=True)
class EncoderFailed:
    """No encoder could do this layer; it is retried later, the other layers go on.

    encoder: the last one tried, "" when there was none to try.
    """

    rid: Rid
    encoder: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Counters since the start of the worker; sent once a second while the source is wanted.

    captured: frames the source delivered. dropped: of those, frames lost because the
        encoders or the link were too slow. encoded: frames sent, per layer.
    encode_ns: time spent scaling and encoding, per layer. cpu_ns: CPU time of the worker process, 0 in a thread.
    """

    captured: int = 0
    dropped: int = 0
    encoded: Mapping[Rid, int] = field(default_factory=dict)
    encode_ns: Mapping[Rid, int] = field(default_factory=dict)
    cpu_ns: int = 0
    source: SourceState = SourceState.CLOSED


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker was lost, or was killed because it hung; the host starts another."""

    reason: str


ControlEvent = ControlsListed | ControlSet | ControlRefused
SourceEvent = SourceOpened | SourceClosed | SourceFailed | SourceFinished | SourceCondition | ControlEvent
ReportedEvent = SourceEvent | EncoderOpened | EncoderFailed | WorkerStats | SnapshotRefused
"""What a worker may send as JSON; a SnapshotTaken is binary, and only the host itself makes a WorkerDied."""

WorkerEvent = ReportedEvent | SnapshotTaken | WorkerDied
