# lkedge: pure
"""What can be seen of a running publisher: values for control, the demo and logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lkedge.terms import TrackKind, TrackSource


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


class ConnectionState(StrEnum):
    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    WAITING = "waiting"
    """The next attempt is due later; `reason` says why the last one failed."""
    CLOSED = "closed"


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
