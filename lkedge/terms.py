# lkedge: pure
"""The vocabulary: identifiers, units and small enumerations used everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import NewType

Ssrc = NewType("Ssrc", int)
"""RTP synchronization source, 32 bit (RFC 3550, section 3)."""

Rid = NewType("Rid", str)
"""RTP stream id of a simulcast layer (RFC 8851): "q", "h", "f"; "" for a track without rids."""

Mid = NewType("Mid", str)
"""Media section id (RFC 5888)."""

TrackSid = NewType("TrackSid", str)
"""The server's id of a published track, "TR_...". It changes with every full rejoin."""

Cid = NewType("Cid", str)
"""The client's id of a track: AddTrackRequest.cid and the second token of a=msid."""

BitsPerSecond = NewType("BitsPerSecond", int)


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server, as RTCIceServer (W3C WebRTC, section 4.2.2).

    urls: "stun:host:port", "turn:host:port?transport=udp", "turns:..." (RFC 7064, RFC 7065).
    """

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


class TrackKind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class TrackSource(StrEnum):
    """What a track is published as; the values of LiveKit's TrackSource."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"

    @property
    def kind(self) -> TrackKind:
        is_audio = self in (TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE_AUDIO)
        return TrackKind.AUDIO if is_audio else TrackKind.VIDEO


class Codec(StrEnum):
    VP8 = "vp8"
    H264 = "h264"
    OPUS = "opus"

    @property
    def kind(self) -> TrackKind:
        return TrackKind.AUDIO if self is Codec.OPUS else TrackKind.VIDEO

    @property
    def clock_rate(self) -> int:
        """RTP timestamp units per second (RFC 7741, RFC 6184, RFC 7587)."""
        return 48_000 if self is Codec.OPUS else 90_000


class VideoQuality(IntEnum):
    """LiveKit's VideoQuality: what a subscriber asks for, and what a rid stands for."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Isolation(StrEnum):
    """Where a source with its encoders runs."""

    PROCESS = "process"
    THREAD = "thread"


class ConnectionQuality(Enum):
    """The server's view of our uplink."""

    POOR = "poor"
    GOOD = "good"
    EXCELLENT = "excellent"
    LOST = "lost"
