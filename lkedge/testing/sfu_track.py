"""One published track as the SFU knows it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from livekit.protocol import models, rtc

from lkedge.terms import Rid, VideoQuality
from lkedge.testing.sfu_checks import AnnouncedTrack
from lkedge.testing.sfu_dynacast import DynacastTiming, QualityDemand
from lkedge.testing.sfu_frames import ReceivedFrame
from lkedge.testing.sfu_media import SfuMedia
from lkedge.testing.sfu_stream import ReceivedStream

_PREFIX = {
    models.TrackSource.CAMERA: "TR_VC",
    models.TrackSource.MICROPHONE: "TR_AM",
    models.TrackSource.SCREEN_SHARE: "TR_VS",
    models.TrackSource.SCREEN_SHARE_AUDIO: "TR_As",
}
_RID_OF = {VideoQuality.LOW: Rid("q"), VideoQuality.MEDIUM: Rid("h"), VideoQuality.HIGH: Rid("f")}

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class QualityUpdate:
    """A SubscribedQualityUpdate that was sent."""

    sent_ns: int
    qualities: dict[VideoQuality, bool]


class SfuTrack:
    """From AddTrack until its section turns inactive. Owned by its participant.

    mid: None until an answered offer has its section.
    is_published: others can see it (livekit-wire.md, 3.3).
    updates: the quality updates sent, oldest first.
    is_heard: somebody has listened to it; like livekit-server, never taken back.
    """

    def __init__(self, request: rtc.AddTrackRequest, media: SfuMedia, timing: DynacastTiming) -> None:
        self.request = request
        self.cid = request.cid
        self.name = request.name
        self.sid = f"{_PREFIX.get(request.source, 'TR_V')}{next(_numbers):08d}"
        self.muted = request.muted
        self.mid: str | None = None
        self.is_published = False
        self.is_subscribed = False
        self.is_heard = False
        self.updates: list[QualityUpdate] = []
        self.demand = QualityDemand(_top(request), timing)
        self.demand.set_muted(request.muted)
        self._media = media

    @property
    def is_video(self) -> bool:
        return self.request.type == models.TrackType.VIDEO

    @property
    def codec(self) -> str:
        codecs = self.request.simulcast_codecs
        return codecs[0].codec if codecs else "opus"

    @property
    def tells_listeners(self) -> bool:
        """Its publisher is told who listens: sound with a choice of codecs."""
        return not self.is_video and len(self.request.simulcast_codecs) > 1

    @property
    def announced(self) -> AnnouncedTrack:
        qualities = tuple(layer.quality for layer in self.request.layers)
        return AnnouncedTrack(self.cid, self.is_video, qualities)

    @property
    def streams(self) -> dict[str, ReceivedStream]:
        """The received layers by rid, "" without rids."""
        return self._media.of_section(self.mid) if self.mid is not None else {}

    def stream(self, rid: str = "") -> ReceivedStream:
        """One layer; KeyError when nothing of it came."""
        return self.streams[rid]

    def frames(self, rid: str = "") -> list[ReceivedFrame]:
        """The complete frames of one layer, oldest first; empty when nothing came."""
        stream = self.streams.get(rid)
        return list(stream.frames) if stream else []

    def stream_of(self, quality: VideoQuality) -> ReceivedStream | None:
        streams = self.streams
        return streams.get(_RID_OF[quality]) or streams.get("")

    def info(self) -> models.TrackInfo:
        request = self.request
        info = models.TrackInfo(
            sid=self.sid,
            type=request.type,
            name=self.name,
            muted=self.muted,
            width=request.width,
            height=request.height,
            simulcast=len(request.layers) > 1,
            source=request.source,
            layers=request.layers,
            mime_type=f"video/{self.codec}" if self.is_video else "audio/opus",
            mid=self.mid or "",
            stream=request.stream or "camera",
        )
        kind = "video" if self.is_video else "audio"
        for codec in request.simulcast_codecs:
            info.codecs.add(mime_type=f"{kind}/{codec.codec}", cid=codec.cid, layers=codec.layers)
        return info


def _top(request: rtc.AddTrackRequest) -> VideoQuality:
    return VideoQuality(max((layer.quality for layer in request.layers), default=VideoQuality.HIGH.value))
