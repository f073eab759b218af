# lkedge: pure
"""Everything the SFU receives from one publisher: binding of SSRCs, streams, and the RTCP to send back.

Binding is pion's (livekit-wire.md, 4.4): a declared a=ssrc, or mid and rid (mid and
repaired-rid for RTX) in one of the first packets. RTCP is written on packet arrival, as
livekit-server does, so there is no timer here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from lkedge.testing.sfu_answer import accepted_codecs, accepted_extensions
from lkedge.testing.sfu_frames import ReceivedFrame
from lkedge.testing.sfu_rtcp import (
    TransportFeedbackRecorder,
    nack,
    parse_sender_report,
    pli,
    receiver_reference_time,
    receiver_report,
    walk,
)
from lkedge.testing.sfu_rtp import LossPattern, RtpPacket, parse_packet
from lkedge.testing.sfu_sdp import MID, REPAIRED_RID, RID, TRANSPORT_CC, Description, OfferSection
from lkedge.testing.sfu_stream import ReceivedStream

MILLISECOND_NS = 1_000_000
SECOND_NS = 1000 * MILLISECOND_NS

BINDING_PACKETS = 10
"""pion looks at so many packets of an unknown SSRC before it ignores it for good."""

REPORT_INTERVAL_NS = SECOND_NS
PLI_AFTER_NS = SECOND_NS
CLOCK_TOLERANCE_S = 0.05

_SENDER_REPORT, _SDES, _BYE = 200, 202, 203


class SfuMedia:
    """What one publisher sent. Times are nanoseconds of the monotonic clock.

    on_stream: a new stream was bound. on_frame: a frame is complete.
    """

    def __init__(
        self, on_stream: Callable[[ReceivedStream], None], on_frame: Callable[[ReceivedStream, ReceivedFrame], None]
    ) -> None:
        self.streams: dict[int, ReceivedStream] = {}
        self.violations: list[str] = []
        self.loss: LossPattern | None = None
        self.sends_feedback = True
        """Whether transport-wide feedback is sent; off simulates a server without it."""
        self.video_codecs: tuple[str, ...] = ("vp8", "h264")
        self.rtcp_received: deque[bytes] = deque(maxlen=2000)
        self.unbound = 0
        self.lost: deque[tuple[int, int]] = deque(maxlen=5000)
        """(SSRC, sequence number) of the packets that the loss pattern took."""
        self._on_stream = on_stream
        self._on_frame = on_frame
        self._sections: dict[str, OfferSection] = {}
        self._rtx: dict[int, ReceivedStream] = {}
        self._probes: dict[int, int] = {}
        self._recorder = TransportFeedbackRecorder()
        self._transport_sequences: deque[int] = deque(maxlen=1000)
        self._reported_ns: dict[int, int] = {}
        self._pli_ns: dict[int, int] = {}

    def describe(self, offer: Description) -> None:
        """A new offer was answered: sections, extensions and declared SSRCs."""
        self._sections = {section.mid: section for section in offer.sections if section.is_media}

    def is_lost(self, data: bytes, now_ns: int) -> bool:
        """Whether the loss pattern takes this datagram, which is not decrypted yet.

        Before decryption, or SRTP's replay protection would refuse the resend.
        """
        packet = parse_packet(data, now_ns) if self.loss is not None else None
        if packet is None or self.loss is None or not self.loss(packet):
            return False
        self.lost.append((packet.ssrc, packet.sequence))
        stream = self.streams.get(packet.ssrc) or self._rtx.get(packet.ssrc)
        if stream is not None:
            stream.dropped += 1
        return True

    def receive_rtp(self, data: bytes, now_ns: int) -> list[bytes]:
        """Take a decrypted RTP packet; returns the RTCP datagrams to send now."""
        packet = parse_packet(data, now_ns)
        if packet is None:
            self.violations.append(f"{len(data)} bytes came as RTP and are none")
            return []
        stream = self.streams.get(packet.ssrc) or self._rtx.get(packet.ssrc) or self._bind(packet)
        if stream is None:
            self.unbound += 1
            return []
        self._deliver(stream, packet)
        return [*self._feedback(stream, packet), *self._per_stream(stream, now_ns)]

    def receive_rtcp(self, data: bytes, now_ns: int) -> None:
        """Take a decrypted RTCP compound."""
        self.rtcp_received.append(data)
        for packet_type, _count, body in walk(data):
            if packet_type != _SENDER_REPORT:
                continue
            report = parse_sender_report(body, now_ns)
            stream = self.streams.get(report.ssrc) if report else None
            if report is not None and stream is not None:
                stream.take_report(report)
                self._check_clocks(stream)

    def request_key_frame(self, stream: ReceivedStream, now_ns: int) -> bytes:
        """A PLI for one layer."""
        self._pli_ns[stream.ssrc] = now_ns
        return pli(stream.ssrc)

    def of_section(self, mid: str) -> dict[str, ReceivedStream]:
        """The streams of a section by rid; "" without rids."""
        return {stream.rid: stream for stream in self.streams.values() if stream.mid == mid}

    def all_violations(self) -> list[str]:
        return self.violations + [text for stream in self.streams.values() for text in stream.violations]

    def _deliver(self, stream: ReceivedStream, packet: RtpPacket) -> None:
        if packet.ssrc == stream.ssrc:
            frames = stream.receive(packet)
        elif len(packet.payload) < 2:
            return
        else:
            frames = stream.receive_again(*_unwrap_rtx(stream, packet))
        for frame in frames:
            self._on_frame(stream, frame)

    def _bind(self, packet: RtpPacket) -> ReceivedStream | None:
        tries = self._probes.get(packet.ssrc, 0)
        self._probes[packet.ssrc] = tries + 1
        if tries > BINDING_PACKETS:
            return None
        stream = self._declared(packet) or self._by_extensions(packet)
        if stream is None and tries == BINDING_PACKETS:
            self.violations.append(
                f"SSRC {packet.ssrc} (payload type {packet.payload_type}): no mid and rid in its first packets"
            )
        return stream

    def _declared(self, packet: RtpPacket) -> ReceivedStream | None:
        for section in self._sections.values():
            if section.rids or packet.ssrc not in section.ssrcs:
                continue
            for media, rtx in section.fid.items():
                if rtx == packet.ssrc:
                    return self._bind_rtx(packet, self.streams.get(media))
            return self._new_stream(packet, section, "")
        return None

    def _by_extensions(self, packet: RtpPacket) -> ReceivedStream | None:
        for section in self._sections.values():
            values = self._named_extensions(section, packet)
            if values.get(MID) != section.mid:
                continue
            if values.get(RID) in section.rids:
                return self._new_stream(packet, section, values[RID])
            if values.get(REPAIRED_RID) in section.rids:
                return self._bind_rtx(packet, self.of_section(section.mid).get(values[REPAIRED_RID]))
        return None

    def _named_extensions(self, section: OfferSection, packet: RtpPacket) -> dict[str, str]:
        accepted = accepted_extensions(section)
        return {
            accepted[number]: value.decode("ascii", "replace")
            for number, value in packet.extensions.items()
            if number in accepted
        }

    def _bind_rtx(self, packet: RtpPacket, stream: ReceivedStream | None) -> ReceivedStream | None:
        if stream is not None:
            self._rtx[packet.ssrc] = stream
        return stream

    def _new_stream(self, packet: RtpPacket, section: OfferSection, rid: str) -> ReceivedStream | None:
        if rid in self.of_section(section.mid):
            self.violations.append(f"section {section.mid} rid {rid!r}: a second SSRC, {packet.ssrc}: duplicate layer")
            return None
        codecs = accepted_codecs(section, self.video_codecs)
        codec = next((codec for codec in codecs if codec.payload_type == packet.payload_type), None)
        if codec is None:
            self.violations.append(f"section {section.mid}: payload type {packet.payload_type} was not answered")
            return None
        name = "opus" if codec.name == "red" else codec.name
        usable = frozenset(codec.payload_type for codec in codecs if codec.name != "rtx")
        stream = ReceivedStream(packet.ssrc, section.mid, rid, name, usable)
        stream.red_payload_type = next((codec.payload_type for codec in codecs if codec.name == "red"), None)
        self.streams[packet.ssrc] = stream
        self._on_stream(stream)
        return stream

    def _feedback(self, stream: ReceivedStream, packet: RtpPacket) -> Iterator[bytes]:
        """Transport-wide feedback, gated by count."""
        section = self._sections.get(stream.mid)
        number = section.extension_id(TRANSPORT_CC) if section else None
        value = packet.extensions.get(number) if number is not None and stream.codec != "opus" else None
        if value is None or len(value) != 2:
            return
        sequence = int.from_bytes(value, "big")
        self._check_transport_sequence(sequence)
        self._recorder.record(sequence, packet.received_ns)
        if self.sends_feedback and self._recorder.is_due(packet.marker, packet.received_ns):
            yield self._recorder.report(packet.ssrc, packet.received_ns)

    def _per_stream(self, stream: ReceivedStream, now_ns: int) -> Iterator[bytes]:
        missing = stream.due_nacks(now_ns)
        if missing:
            yield nack(stream.ssrc, missing)
        if now_ns - self._reported_ns.setdefault(stream.ssrc, now_ns) >= REPORT_INTERVAL_NS:
            self._reported_ns[stream.ssrc] = now_ns
            yield receiver_report(stream.reception(now_ns))
            yield receiver_reference_time(stream.ssrc, now_ns)
        if self._needs_key_frame(stream, now_ns):
            yield self.request_key_frame(stream, now_ns)

    def _needs_key_frame(self, stream: ReceivedStream, now_ns: int) -> bool:
        """One PLI 1 s after the first packet in any case; then each second until a key frame came."""
        if stream.codec == "opus" or stream.first_ns is None:
            return False
        asked_ns = self._pli_ns.get(stream.ssrc)
        if asked_ns is None:
            return now_ns - stream.first_ns >= PLI_AFTER_NS
        return not stream.has_key_frame and now_ns - asked_ns >= SECOND_NS

    def _check_transport_sequence(self, sequence: int) -> None:
        if sequence in self._transport_sequences:
            self.violations.append(f"transport-wide sequence number {sequence} was used twice")
        self._transport_sequences.append(sequence)

    def _check_clocks(self, stream: ReceivedStream) -> None:
        """Layers with one timestamp offset must agree about the wall clock, or nobody can switch."""
        ours = _wall_offset_s(stream)
        for other in self.of_section(stream.mid).values():
            if other is stream or not other.reports:
                continue
            span_s = (1 << 32) / stream.clock_rate
            difference = (ours - _wall_offset_s(other) + span_s / 2) % span_s - span_s / 2
            if abs(difference) > CLOCK_TOLERANCE_S:
                self.violations.append(
                    f"{stream.name}: its sender report is {difference * 1000:.0f} ms away from that of rid {other.rid}"
                )


def _unwrap_rtx(stream: ReceivedStream, packet: RtpPacket) -> tuple[int, RtpPacket]:
    """(original sequence number, original packet) (RFC 4588, section 4)."""
    original = int.from_bytes(packet.payload[:2], "big")
    media_type = min(stream.payload_types - {stream.red_payload_type})
    return original, RtpPacket(
        stream.ssrc,
        original,
        packet.timestamp,
        packet.marker,
        media_type,
        packet.extensions,
        packet.payload[2:],
        packet.size,
        packet.received_ns,
    )


def _wall_offset_s(stream: ReceivedStream) -> float:
    """Wall time of RTP timestamp 0 by the newest report, modulo the timestamp's period."""
    report = stream.reports[-1]
    return report.ntp / (1 << 32) - report.rtp_timestamp / stream.clock_rate
