# lkedge: pure
"""What can be seen of a running publisher: values for control, the demo and logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lkedge.terms import Rid, TrackKind, TrackSource


class TrackState(StrEnum):
    """Where a track is on its way to the room."""

    STARTING = "starting"
    """Its source is being opened for the first time."""
    READY = "ready"
    """Its source delivers; it waits for the room."""
    PUBLISHED = "published"
    MUTED = "muted"
    FAILED = "failed"
    """It cannot run now; `reason` says why, and it is tried again."""
    FINISHED = "finished"
    """Its source came to its end, as intended."""
    UNPUBLISHED = "unpublished"
    """Somebody with the right to do so removed it from the room; `reason` says who."""
    DISABLED = "disabled"
    """It was switched off: no worker, not in the room, but still known."""


class ConnectionState(StrEnum):
    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    WAITING = "waiting"
    """The next attempt is due later; `reason` says why the last one failed."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LayerCounters:
    """What one layer has sent since the room was joined.

    packets, bytes: media without retransmissions; bytes are payload. nacked: packets asked for.
    plis: key frames asked for (PLI and FIR).
    """

    packets: int = 0
    bytes: int = 0
    frames: int = 0
    key_frames: int = 0
    retransmitted: int = 0
    nacked: int = 0
    plis: int = 0


@dataclass(frozen=True, slots=True)
class WorkCounters:
    """What a worker has done since it was started.

    captured: frames that the source delivered. dropped: of those, frames that nobody had time for.
    encoded, encode_s: by rid. cpu_s: CPU time of the process; 0 when the worker is a thread.
    """

    captured: int = 0
    dropped: int = 0
    encoded: Mapping[Rid, int] = field(default_factory=dict)
    encode_s: Mapping[Rid, float] = field(default_factory=dict)
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """One layer as it runs. bitrate and framerate are targets, the measured ones averages of about a second.

    ssrc: 0 while the track is not published.
    """

    rid: str
    active: bool
    width: int
    height: int
    bitrate: int
    framerate: float
    measured_bitrate: int
    measured_framerate: float
    reason: str
    ssrc: int = 0
    counters: LayerCounters = LayerCounters()


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """One track. sid is empty while it is not published; `captures` says whether the source is open.

    condition: a few words while the source works but has nothing real to show, such as "no signal".
    """

    name: str
    kind: TrackKind
    source: str
    publish_as: TrackSource
    state: TrackState
    reason: str
    sid: str
    codec: str
    encoder: str
    muted: bool
    captures: bool
    layers: tuple[LayerStatus, ...]
    restarts: int = 0
    worker_pid: int = 0
    condition: str = ""
    work: WorkCounters = WorkCounters()


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The room connection.

    quality: the server's view of our uplink. speaker_level: how loud the server hears us, 0 to 1.
    since_ns: monotonic, of the join.
    """

    state: ConnectionState
    reason: str = ""
    url: str = ""
    room: str = ""
    identity: str = ""
    participant_sid: str = ""
    server_version: str = ""
    quality: str = ""
    speaker_level: float = 0.0
    round_trip_ms: int = 0
    since_ns: int = 0
    joins: int = 0
    resumes: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    connection: ConnectionStatus
    tracks: tuple[TrackStatus, ...]
