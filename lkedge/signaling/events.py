# lkedge: pure
"""What the server says to us: one value per kind of SignalResponse that concerns a publisher.

Messages about subscriptions and data tracks never become events; of other participants only their number does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lkedge.signaling.participant import Participant
from lkedge.signaling.requests import ResumeFrom, ResumeReason, SignalTarget
from lkedge.terms import Cid, ConnectionQuality, IceServer, TrackSid, VideoQuality


class LeaveAction(StrEnum):
    """What the server wants us to do."""

    DISCONNECT = "disconnect"
    RESUME = "resume"
    RECONNECT = "reconnect"


@dataclass(frozen=True, slots=True)
class Joined:
    """We are in the room.

    room_sid: may be empty; RoomUpdated brings it later.
    subscriber_primary: we become ACTIVE, and may stay, only when the server's subscriber
        offer was answered and connected (livekit-wire.md, 2.2).
    force_relay: use relay candidates only.
    enabled_codecs: lower-case MIME types the server lets us publish, in its order; empty
        when it does not say.
    alternative_url: join there instead; empty on servers of one's own.
    tells_listeners: it says when sound of two codecs gets its first listener.
    """

    room_name: str
    room_sid: str
    participant: Participant
    ice_servers: tuple[IceServer, ...]
    subscriber_primary: bool
    force_relay: bool
    enabled_codecs: tuple[str, ...]
    ping_interval_s: int
    ping_timeout_s: int
    server_version: str
    server_region: str = ""
    alternative_url: str = ""
    other_participants: int = 0
    tells_listeners: bool = False

    def resume_from(self, reason: ResumeReason = ResumeReason.SIGNAL_DISCONNECTED) -> ResumeFrom:
        """What `SignalClient.connect` needs to continue the session."""
        return ResumeFrom(
            self.participant.sid, self.participant.identity, reason, self.ping_interval_s, self.ping_timeout_s
        )


@dataclass(frozen=True, slots=True)
class Resumed:
    """The session goes on over a new WebSocket. Answer with SyncState."""

    ice_servers: tuple[IceServer, ...]
    force_relay: bool
    server_version: str = ""


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """The answer to our publisher offer; id: of that offer, 0 from old servers."""

    id: int
    sdp: str


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """The server's offer for the subscriber connection."""

    id: int
    sdp: str


@dataclass(frozen=True, slots=True)
class TrickleReceived:
    """One candidate of the server.

    candidate_init: JSON of RTCIceCandidateInit; may be empty when final.
    final: no more will follow.
    """

    target: SignalTarget
    candidate_init: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """The server accepted AddTrack.

    mime: lower-case MIME type it will use, such as "video/vp8"; empty when it waits for the SDP.
    info: the serialized TrackInfo, for SyncState.
    codec_count: how many codecs the server took note of.
    """

    cid: Cid
    sid: TrackSid
    mime: str
    muted: bool = False
    info: bytes = field(default=b"", repr=False)
    codec_count: int = 1


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    """The server took the track away: permission revoked, or removed by an administrator."""

    sid: TrackSid


@dataclass(frozen=True, slots=True)
class SubscribedQualityUpdate:
    """Dynacast: which qualities somebody watches.

    qualities: by codec ("vp8", "h264"; "" from old servers, for every codec). A quality
        that is missing is not wanted.
    """

    sid: TrackSid
    qualities: Mapping[str, Mapping[VideoQuality, bool]]

    def wanted(self, codec: str) -> Mapping[VideoQuality, bool]:
        """The qualities for `codec`; of the only entry when the server names another codec."""
        if codec in self.qualities:
            return self.qualities[codec]
        return next(iter(self.qualities.values()), {})


@dataclass(frozen=True, slots=True)
class SubscribedAudioCodecUpdate:
    """Which audio codecs somebody listens to, hidden participants included; only for tracks with more than one.

    A livekit-server of one's own sends it for the first listener, and never takes it back.
    """

    sid: TrackSid
    codecs: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class MuteRequested:
    """An administrator muted or unmuted our track."""

    sid: TrackSid
    muted: bool


@dataclass(frozen=True, slots=True)
class Left:
    """The server sent a LeaveRequest; SignalClosed follows when it closes the WebSocket.

    reason: name of the DisconnectReason, such as "DUPLICATE_IDENTITY".
    """

    action: LeaveAction
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionQualityChanged:
    """The server's view of our uplink; score: 0 to 5."""

    quality: ConnectionQuality
    score: float


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Our own loudness; level: 0 (silent) to 1."""

    level: float
    active: bool


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Something about ourselves changed: permission, metadata, name, attributes, state, tracks."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class OthersChanged:
    """How many others can be seen in the room; hidden ones are not among them."""

    count: int


@dataclass(frozen=True, slots=True)
class RoomUpdated:
    """Comes up to 5 s late.

    num_participants: as the server counts: ourselves and hidden ones included, agents, egress and
        recorders not. is_recording: a recorder is there.
    """

    sid: str
    name: str
    metadata: str
    num_participants: int
    is_recording: bool = False


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """Somebody who is not hidden subscribed to the track for the first time."""

    sid: TrackSid


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The server refused one of our requests.

    kind: field of the SignalRequest: "add_track", "mute", "update_metadata", "trickle", ...;
        empty when it does not say.
    cid: of a refused AddTrack. sid: of a refused Mute or UpdateVideoTrack.
    reason: "NOT_ALLOWED", "NOT_FOUND", "LIMIT_EXCEEDED", "UNSUPPORTED_TYPE", ...
    message: the server's own words, often empty.
    """

    kind: str
    reason: str
    message: str = ""
    cid: Cid = Cid("")
    sid: TrackSid = TrackSid("")
    request_id: int = 0


@dataclass(frozen=True, slots=True)
class TokenRefreshed:
    """A newer token; use it for reconnects (about every 5 minutes)."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignalClosed:
    """The WebSocket is gone, not by our own close(). The last event of a connection."""

    reason: str


SignalEvent = (
    Joined
    | Resumed
    | AnswerReceived
    | OfferReceived
    | TrickleReceived
    | TrackPublished
    | TrackUnpublished
    | SubscribedQualityUpdate
    | SubscribedAudioCodecUpdate
    | MuteRequested
    | Left
    | ConnectionQualityChanged
    | SpeakersChanged
    | ParticipantUpdated
    | OthersChanged
    | RoomUpdated
    | TrackSubscribed
    | RequestRefused
    | TokenRefreshed
    | SignalClosed
)
