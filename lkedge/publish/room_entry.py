"""One publication's way into a session."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lkedge.publish.publication import Publication
from lkedge.rtc.stream import RtpStream, new_ssrc
from lkedge.signaling.events import TrackPublished
from lkedge.terms import Cid, Mid, Rid, Ssrc, TrackKind, TrackSid


@dataclass(slots=True)
class RoomEntry:
    """announced, size: of the track, as the server was told.

    has_spare_codec: a second codec was announced, so that the server tells of listeners.
    """

    publication: Publication
    announced: tuple[str, ...]
    size: tuple[int, int]
    cid: Cid
    reply: asyncio.Future[TrackPublished]
    ssrcs: dict[Rid, tuple[Ssrc, Ssrc | None]]
    has_spare_codec: bool = False
    mid: Mid = Mid("")
    sid: TrackSid = TrackSid("")
    info: bytes = b""
    streams: dict[Rid, RtpStream] = field(default_factory=dict)


def new_ssrcs(kind: TrackKind) -> tuple[Ssrc, Ssrc | None]:
    """Of media and of its retransmissions, which sound has none of."""
    return new_ssrc(), new_ssrc() if kind is TrackKind.VIDEO else None
