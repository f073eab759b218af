"""A publication's place in one session: its streams, and how fast they really are."""

from __future__ import annotations

from collections.abc import Mapping

from lkedge.media.frame import EncodedFrame
from lkedge.publish.meter import RateMeter
from lkedge.rtc.egress import Egress
from lkedge.rtc.rtcp import RtcpEndpoint
from lkedge.rtc.stream import RtpStream
from lkedge.terms import Cid, Rid, Ssrc, TrackSid


class Attachment:
    """Owned by the event loop. The streams belong to it; egress and rtcp are the session's.

    tells_listeners: the server says when this track of sound gets its first listener.
    """

    def __init__(
        self,
        sid: TrackSid,
        cid: Cid,
        streams: Mapping[Rid, RtpStream],
        egress: Egress,
        rtcp: RtcpEndpoint,
        tells_listeners: bool = False,
    ) -> None:
        self.sid = sid
        self.cid = cid
        self.streams = streams
        self.tells_listeners = tells_listeners
        self._egress = egress
        self._rtcp = rtcp
        self._meters = {rid: RateMeter() for rid in streams}
        for stream in streams.values():
            rtcp.add(stream)

    def send(self, frame: EncodedFrame) -> None:
        """Send one frame on the stream of its layer."""
        self._egress.send(self.streams[frame.rid].packetize(frame))

    def silence(self, rid: Rid) -> None:
        """Drop what still waits of a layer, so that its last packet has gone."""
        self._egress.discard(self.streams[rid].ssrc)

    def rid_of(self, ssrc: Ssrc) -> Rid | None:
        """The layer that has this SSRC."""
        return next((rid for rid, stream in self.streams.items() if stream.ssrc == ssrc), None)

    def end(self) -> None:
        """The session forgets the streams."""
        for rid, stream in self.streams.items():
            self.silence(rid)
            self._rtcp.remove(stream)

    def measure(self, now_ns: int) -> None:
        """Read the counters for the rate meters; a few times per second."""
        for rid, stream in self.streams.items():
            self._meters[rid].update(now_ns, stream.counters.bytes, stream.counters.frames)

    def measured(self, rid: Rid) -> tuple[int, float]:
        """Bits and frames per second of a layer over about the last second."""
        return self._meters[rid].bitrate, self._meters[rid].framerate
