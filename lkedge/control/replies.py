# lkedge: pure
"""What commands answer. Flat where possible, so that D-Bus can say the same; None is left out there."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lkedge.plugin.api import ControlValue

SINGLE = "single"
"""The rid of the only layer of a track without simulcast, in addresses and replies."""


class Reply(BaseModel):
    """The reply of one command."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Done(Reply):
    """Nothing to say but that it was done."""


class LayerReply(Reply):
    """One layer as it runs."""

    rid: str = Field(description='"q", "h", "f", or "single" for a track without simulcast')
    active: bool
    width: int = Field(description="pixels; 0 for sound, and before the source has opened")
    height: int
    bitrate: int = Field(description="target, bits per second")
    framerate: float = Field(description="target, frames per second")
    measured_bitrate: int = Field(description="average of about a second")
    measured_framerate: float
    reason: str = Field(description="why it is not active")
    ssrc: int = Field(description="RTP synchronization source; 0 while not published")
    packets: int = Field(default=0, description="sent since the room was joined, without retransmissions")
    bytes: int = Field(default=0, description="payload of `packets`")
    frames: int = 0
    key_frames: int = 0
    retransmitted: int = Field(default=0, description="packets sent again")
    nacked: int = Field(default=0, description="packets that receivers asked for again")
    plis: int = Field(default=0, description="key frames that receivers asked for (PLI and FIR)")


class TrackReply(Reply):
    """One track."""

    name: str
    kind: str = Field(description='"audio" or "video"')
    source: str
    publish_as: str = Field(description='"camera", "microphone", "screen_share" or "screen_share_audio"')
    state: str = Field(
        description='"starting", "ready", "published", "muted", "failed", "finished", "unpublished" or "disabled"'
    )
    reason: str = Field(description="why it is in this state, when that is not plain")
    sid: str = Field(description="the server's id; empty while not published")
    codec: str
    encoder: str
    muted: bool
    captures: bool = Field(description="whether the source is open")
    condition: str = Field(description='such as "no signal", while an open source has nothing real to show')
    restarts: int = Field(description="how often its worker was replaced")
    worker_pid: int = Field(description="0 while there is none")
    layers: list[LayerReply]


class TracksReply(Reply):
    tracks: list[TrackReply]


class ConnectionReply(Reply):
    """The connection to the room."""

    state: str = Field(description='"disconnected", "connecting", "connected", "reconnecting", "waiting" or "closed"')
    reason: str
    url: str
    room: str
    identity: str
    participant_sid: str
    server_version: str
    quality: str = Field(description="the server's view of our uplink; empty before it says")
    speaker_level: float = Field(description="how loud the server hears us, 0 to 1")
    round_trip_ms: int = Field(description="to the server and back; 0 before a report")
    since: str = Field(description="of the join, ISO 8601 in UTC; empty before")
    joins: int
    resumes: int


class StatusReply(Reply):
    """Everything that can be seen."""

    version: str
    pid: int
    since: str = Field(description="of the daemon's start, ISO 8601 in UTC")
    uptime: float = Field(description="seconds")
    config_files: list[str]
    connection: ConnectionReply
    tracks: list[TrackReply]


class ChangedTracksReply(Reply):
    tracks: list[str] = Field(description="names of the tracks that changed")


class PlanReply(Reply):
    """What a reload or a change did."""

    summary: str
    steps: list[str]


class ControlReply(Reply):
    """One property of an open device; fields that the device does not tell are null."""

    name: str
    kind: str = Field(description='"boolean", "integer", "number", "menu" or "text"')
    value: ControlValue
    default: ControlValue | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: list[str] = Field(default_factory=list, description="of a menu")
    unit: str = ""
    writable: bool = True


class ControlsReply(Reply):
    controls: list[ControlReply]


class ParticipantPermissionReply(Reply):
    identity: str
    all_tracks_allowed: bool
    tracks: list[str]


class PermissionsReply(Reply):
    """Track subscription permissions in force."""

    all_participants_allowed: bool
    participants: list[ParticipantPermissionReply]


class PluginReply(Reply):
    name: str
    distribution: str
    version: str
    status: str = Field(description='"ready", "import error", "contract error", "duplicate name" or "stopped"')
    reason: str
    sources: list[str]
    encoders: list[str]
    processors: list[str]


class PluginsReply(Reply):
    plugins: list[PluginReply]


class DeviceReply(Reply):
    plugin: str
    name: str
    kind: str
    config: str = Field(description="TOML to paste for a track with this device")
    details: dict[str, str]


class DevicesReply(Reply):
    devices: list[DeviceReply]


class LogLevelReply(Reply):
    level: str = Field(description="the general level")
    loggers: dict[str, str] = Field(description="levels of single modules")


class LayersEvent(Reply):
    """The layers of a track have changed."""

    track: str
    layers: list[LayerReply]


class RemovedEvent(Reply):
    """There is no such track any more."""

    track: str


class ControlEvent(Reply):
    """A live control has another value, or other limits."""

    track: str
    control: ControlReply


class ReloadedEvent(Reply):
    """A configuration was applied; or refused, then `problems` says why and nothing has changed."""

    summary: str
    steps: list[str]
    problems: list[str]
