# lkedge: pure
"""What we say to the server: one value per kind of SignalRequest.

`encode` in request_encoder.py turns them into protobuf. Field by field they follow
livekit_rtc.proto; fields that a publisher never sets are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from lkedge.media.layers import SimulcastLayer
from lkedge.terms import Cid, Codec, TrackSid, TrackSource


class SignalTarget(IntEnum):
    """Which of the two peer connections an SDP or a candidate belongs to; the protocol's numbers."""

    PUBLISHER = 0
    SUBSCRIBER = 1


class ResumeReason(IntEnum):
    """ReconnectReason of the protocol: why we resume."""

    UNKNOWN = 0
    SIGNAL_DISCONNECTED = 1
    PUBLISHER_FAILED = 2
    SUBSCRIBER_FAILED = 3
    SWITCH_CANDIDATE = 4


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """The session that a new WebSocket continues; `Joined.resume_from` makes one.

    participant_sid, identity: ours, from Joined.
    ping_interval_s, ping_timeout_s: from Joined, for a ReconnectResponse has none.
    """

    participant_sid: str
    identity: str
    reason: ResumeReason = ResumeReason.SIGNAL_DISCONNECTED
    ping_interval_s: int = 5
    ping_timeout_s: int = 15


@dataclass(frozen=True, slots=True)
class AddTrack:
    """Announce a track; TrackPublished or RequestRefused with the same cid follows.

    cid: must be the second token of the section's a=msid; fresh for every publication.
    width, height: of the top layer; 0 for audio.
    layers: all layers of a video track, also of one without rids. Without them the
        server never forwards a frame (livekit-verified.md, section 2).
    stream: tracks of one stream are lip-synced; empty for the server's choice by source.
    dtx, stereo, red: of an audio track, as it is really encoded.
    spare_codec: of an audio track: a second codec that is announced and never sent. The server says
        who listens to a track of sound only when there is a choice of codecs (docs/livekit.md).
    """

    cid: Cid
    name: str
    source: TrackSource
    codec: Codec
    width: int = 0
    height: int = 0
    layers: tuple[SimulcastLayer, ...] = ()
    muted: bool = False
    stream: str = ""
    dtx: bool = True
    stereo: bool = False
    red: bool = False
    spare_codec: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """Our offer for the publisher connection.

    id: counts up from 1; the answer carries it.
    """

    sdp: str
    id: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Our answer to the server's subscriber offer; id: the offer's."""

    sdp: str
    id: int


@dataclass(frozen=True, slots=True)
class Trickle:
    """One local candidate.

    candidate_init: JSON of RTCIceCandidateInit; empty only together with `final`.
    """

    candidate_init: str
    target: SignalTarget = SignalTarget.PUBLISHER
    final: bool = False


@dataclass(frozen=True, slots=True)
class Mute:
    sid: TrackSid
    muted: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """We leave for good: CLIENT_INITIATED, DISCONNECT."""


@dataclass(frozen=True, slots=True)
class UpdateMetadata:
    """Change what others see of us; needs canUpdateOwnMetadata.

    metadata, name: empty leaves them as they are.
    attributes: only those to change; an empty value deletes one.
    request_id: comes back in RequestRefused.
    """

    metadata: str = ""
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    request_id: int = 0


@dataclass(frozen=True, slots=True)
class TrackPermission:
    """What one participant may subscribe to.

    track_sids: ours; not used when `all_tracks`. They change with every full rejoin.
    """

    participant_identity: str
    all_tracks: bool = False
    track_sids: tuple[TrackSid, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionPermissions:
    """Who may subscribe. Replaces what was sent before; unlisted participants are denied."""

    all_participants: bool
    permissions: tuple[TrackPermission, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """A track that the server has.

    info: TrackPublished.info, so that another node can rebuild the track; may be empty.
    """

    cid: Cid
    sid: TrackSid
    info: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SyncState:
    """Sent right after Resumed: the tracks we believe are published.

    One sid unknown to the server makes it ask for a full rejoin: list none that failed.
    """

    tracks: tuple[PublishedTrack, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateVideoTrack:
    """The size of the capture changed."""

    sid: TrackSid
    width: int
    height: int


SignalRequest = (
    AddTrack
    | Offer
    | Answer
    | Trickle
    | Mute
    | Leave
    | UpdateMetadata
    | SubscriptionPermissions
    | SyncState
    | UpdateVideoTrack
)
