"""One SSRC from encoded frames to RTP packets, with its retransmissions and sender reports."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lkedge.clock import MILLISECOND_NS, SECOND_NS, WallClock, ntp_timestamp, rtp_timestamp
from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import RIDS
from lkedge.rtp.h264 import H264Packetizer
from lkedge.rtp.header import MARKER, HeaderTemplate
from lkedge.rtp.history import HISTORY_NS, RetransmissionBudget, SentHistory
from lkedge.rtp.opus import OpusPacketizer
from lkedge.rtp.packetizer import Flow, PacketGroup, Packetizer, PacketKind
from lkedge.rtp.profile import (
    AUDIO_LEVEL,
    MID,
    PAYLOAD_TYPE,
    RED_PAYLOAD_TYPE,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    RTX_PAYLOAD_TYPE,
    TRANSPORT_CC,
)
from lkedge.rtp.red import RedPacketizer
from lkedge.rtp.reports import sender_report, source_description
from lkedge.rtp.vp8 import Vp8Packetizer
from lkedge.terms import Codec, Mid, Rid, Ssrc, TrackKind

RESUME_GAP_NS = SECOND_NS
"""A frame this long after the one before begins a new stretch: receivers need a report at once."""

TALK_GAP_NS = 30 * MILLISECOND_NS
"""More than one 20 ms packet missing: the next one begins a talk spurt (RFC 7587, section 4.2)."""

UNKNOWN_ROUND_TRIP_NS = 50 * MILLISECOND_NS
MIN_REPEAT_INTERVAL_NS = 10 * MILLISECOND_NS

_VOICE_ACTIVITY = 0x80


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What the negotiation settled for one SSRC.

    extensions: URIs the answer accepted.
    timestamp_offset: RTP timestamp of the monotonic clock's zero; one for all layers of a track.
    red: wrap audio in RFC 2198 redundancy.
    """

    codec: Codec
    mid: Mid
    rid: Rid
    extensions: frozenset[str]
    has_rtx: bool
    timestamp_offset: int
    cname: str
    red: bool = False


@dataclass(slots=True)
class StreamCounters:
    """Since the stream was made.

    packets, bytes: media without retransmissions; bytes are payload, as sender reports count them.
    retransmitted: packets. nacked: packets asked for. plis: key frames asked for (PLI and FIR).
    late_frames: dropped because a frame captured later had gone before.
    """

    packets: int = 0
    bytes: int = 0
    frames: int = 0
    key_frames: int = 0
    retransmitted: int = 0
    nacked: int = 0
    plis: int = 0
    late_frames: int = 0


def new_ssrc() -> Ssrc:
    """A random SSRC, never 0."""
    return Ssrc(1 + secrets.randbelow(0xFFFFFFFF))


class RtpStream:
    """Turns the encoded frames of one layer into packets. Used on the event loop.

    Sequence numbers, timestamps and picture ids go on over every pause: a receiver takes a
    number that jumps back for a dead stream (livekit-verified.md, section 7).

    on_resumed: called from `packetize` with the first frame, and with the first after a pause,
        before its packets are sent.
    last_frame_ns: capture time of the newest frame, None before the first.
    round_trip_ns, fraction_lost: of the newest report about us; None and 0.0 before.
    """

    def __init__(self, config: StreamConfig, *, ssrc: Ssrc | None = None, rtx_ssrc: Ssrc | None = None) -> None:
        """ssrc, rtx_ssrc: as declared in the offer; random by default."""
        self.config = config
        self.ssrc = ssrc or new_ssrc()
        self.rtx_ssrc = (rtx_ssrc or new_ssrc()) if config.has_rtx else None
        self.counters = StreamCounters()
        self.on_resumed: Callable[[RtpStream], None] | None = None
        self.last_frame_ns: int | None = None
        self.round_trip_ns: int | None = None
        self.fraction_lost = 0.0
        self._clock_rate = config.codec.clock_rate
        self._timestamp_offset = config.timestamp_offset
        self._is_audio = config.codec.kind is TrackKind.AUDIO
        self._template = _media_template(config, self.ssrc)
        self._flow = _media_flow(config, self.ssrc, self._template)
        self._packetizer = _packetizer(config)
        # The upper half of the first 16-bit cycle is avoided: SRTP receivers guess the
        # roll-over counter, and guess wrong when the first packets around a wrap are lost.
        self._next_sequence = secrets.randbelow(0x8000)
        self._history = SentHistory()
        self._repair = _Repair(config, self._flow, self.rtx_ssrc)

    def packetize(self, frame: EncodedFrame) -> PacketGroup:
        """The packets of one frame, all with the timestamp of its capture; hand them to the egress at once.

        An empty group when the frame is older than the one before, or has no data.
        """
        gap_ns = self._gap_ns(frame.captured_ns)
        if gap_ns is not None and gap_ns <= 0:
            self.counters.late_frames += 1
            return PacketGroup(self._flow, [])
        timestamp = rtp_timestamp(frame.captured_ns, self._clock_rate, self._timestamp_offset)
        payloads = self._packetizer.packetize(frame.data, timestamp)
        packets = self._template.packets(self._next_sequence, timestamp, frame.data, payloads)
        if self._is_audio and packets:
            self._stamp_audio(packets[0], frame, gap_ns)
        group = PacketGroup(self._flow, packets)
        if packets:
            self._account(group, frame, gap_ns)
        return group

    def _gap_ns(self, captured_ns: int) -> int | None:
        return None if self.last_frame_ns is None else captured_ns - self.last_frame_ns

    def _stamp_audio(self, packet: bytearray, frame: EncodedFrame, gap_ns: int | None) -> None:
        is_spurt = frame.has_voice and (gap_ns is None or gap_ns > TALK_GAP_NS)
        packet[1] = packet[1] & 0x7F | (MARKER if is_spurt else 0)
        offset = self._template.offset_of(AUDIO_LEVEL)
        if offset:
            packet[offset] = (_VOICE_ACTIVITY if frame.has_voice else 0) | frame.audio_level & 0x7F

    def _account(self, group: PacketGroup, frame: EncodedFrame, gap_ns: int | None) -> None:
        self._history.add(self._next_sequence, group, frame.captured_ns)
        self._repair.budget.earn(group.size, self._history.size * SECOND_NS // HISTORY_NS)
        self._next_sequence += len(group.packets)
        counters = self.counters
        counters.packets += len(group.packets)
        counters.bytes += group.size - self._template.size * len(group.packets)
        counters.frames += 1
        counters.key_frames += frame.is_key
        self.last_frame_ns = frame.captured_ns
        if self.on_resumed is not None and (gap_ns is None or gap_ns > RESUME_GAP_NS):
            self.on_resumed(self)

    def retransmit(self, sequences: Iterable[int], now_ns: int) -> PacketGroup:
        """The packets that answer a NACK, as RTX where negotiated (RFC 4588), else as they were.

        Left out: what is too old, was never sent, was sent again less than a round trip ago, or
        would take more than a quarter of the media's rate.
        """
        round_trip_ns = UNKNOWN_ROUND_TRIP_NS if self.round_trip_ns is None else self.round_trip_ns
        interval_ns = max(MIN_REPEAT_INTERVAL_NS, round_trip_ns)
        packets: list[bytearray] = []
        for sequence in sequences:
            self.counters.nacked += 1
            original = self._history.find(sequence, now_ns, interval_ns)
            if original is not None and self._repair.budget.spend(len(original)):
                packets.append(self._repair.packet(original, self._template.size))
        self.counters.retransmitted += len(packets)
        return PacketGroup(self._repair.flow, packets)

    def sender_report(self, now_ns: int, wall: WallClock) -> bytes:
        """A compound of sender report and CNAME for this instant of the capture clock."""
        rtp = rtp_timestamp(now_ns, self._clock_rate, self._timestamp_offset)
        ntp = ntp_timestamp(wall.wall_ns(now_ns))
        report = sender_report(self.ssrc, ntp, rtp, self.counters.packets, self.counters.bytes)
        return report + source_description(self.ssrc, self.config.cname)


class _Repair:
    """How lost packets of one stream go out again."""

    def __init__(self, config: StreamConfig, media: Flow, rtx_ssrc: Ssrc | None) -> None:
        self.budget = RetransmissionBudget()
        self._template: HeaderTemplate | None = None
        self._next_sequence = secrets.randbelow(0x8000)
        if rtx_ssrc is not None:
            values = {MID: config.mid.encode(), REPAIRED_RTP_STREAM_ID: config.rid.encode(), TRANSPORT_CC: b"\0\0"}
            self._template = HeaderTemplate(RTX_PAYLOAD_TYPE[config.codec], rtx_ssrc, _accepted(values, config))
        self.flow = Flow(
            rtx_ssrc or media.ssrc,
            PacketKind.RETRANSMISSION,
            media_ssrc=media.ssrc,
            layer=media.layer,
            transport_cc_offset=self._template.offset_of(TRANSPORT_CC) if self._template else 0,
        )

    def packet(self, original: bytearray, header_size: int) -> bytearray:
        """The RTX packet; without RTX the original, unchanged to the last bit.

        SRTP would use one nonce for two different packets if it were stamped anew.
        """
        if self._template is None:
            return original
        payload = bytes(original[2:4] + original[header_size:])
        timestamp = int.from_bytes(original[4:8], "big")
        sequence = self._next_sequence
        self._next_sequence += 1
        return self._template.packet(sequence, timestamp, payload, marker=bool(original[1] & MARKER))


def _accepted(values: dict[str, bytes], config: StreamConfig) -> dict[str, bytes]:
    return {uri: value for uri, value in values.items() if uri in config.extensions}


def _media_template(config: StreamConfig, ssrc: Ssrc) -> HeaderTemplate:
    values = {MID: config.mid.encode(), RTP_STREAM_ID: config.rid.encode()}
    if config.codec.kind is TrackKind.VIDEO:
        values[TRANSPORT_CC] = b"\0\0"
    else:
        values[AUDIO_LEVEL] = b"\x7f"
    payload_type = RED_PAYLOAD_TYPE if config.red else PAYLOAD_TYPE[config.codec]
    return HeaderTemplate(payload_type, ssrc, _accepted(values, config))


def _media_flow(config: StreamConfig, ssrc: Ssrc, template: HeaderTemplate) -> Flow:
    is_audio = config.codec.kind is TrackKind.AUDIO
    return Flow(
        ssrc,
        PacketKind.AUDIO if is_audio else PacketKind.VIDEO,
        media_ssrc=ssrc,
        layer=RIDS.index(config.rid) if config.rid in RIDS else 0,
        transport_cc_offset=template.offset_of(TRANSPORT_CC),
    )


def _packetizer(config: StreamConfig) -> Packetizer:
    if config.codec is Codec.VP8:
        return Vp8Packetizer(secrets.randbelow(1 << 15))
    if config.codec is Codec.H264:
        return H264Packetizer()
    return RedPacketizer(PAYLOAD_TYPE[Codec.OPUS]) if config.red else OpusPacketizer()
