# lkedge: pure
"""One received SSRC: its log, its frames, what is missing, and what a real SFU would dislike."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from lkedge.testing.sfu_frames import FrameAssembler, ReceivedFrame, red_primary
from lkedge.testing.sfu_rtcp import Reception, SenderReport
from lkedge.testing.sfu_rtp import PacketRecord, RtpPacket

MILLISECOND_NS = 1_000_000
SECOND_NS = 1000 * MILLISECOND_NS

LOG_LIMIT = 20_000
FRAME_LIMIT = 5_000
RTP_MAX_BYTES = 1500
"""pion's bucket drops what is longer."""

REPORT_PATIENCE_NS = SECOND_NS
"""A layer needs its first sender report by then, or nobody can be switched to it."""

NACK_FIRST_NS = 20 * MILLISECOND_NS
NACK_AGAIN_NS = 100 * MILLISECOND_NS
NACK_TRIES = 5
NACK_LIMIT = 100


@dataclass(slots=True)
class _Missing:
    since_ns: int
    asked_ns: int = 0
    tries: int = 0


class ReceivedStream:
    """Owned by SfuMedia.

    codec: "vp8", "h264", "opus". clock_rate: of its timestamps.
    """

    def __init__(self, ssrc: int, mid: str, rid: str, codec: str, payload_types: frozenset[int]) -> None:
        self.ssrc = ssrc
        self.mid = mid
        self.rid = rid
        self.codec = codec
        self.clock_rate = 48_000 if codec == "opus" else 90_000
        self.payload_types = payload_types
        self.red_payload_type: int | None = None
        self.log: deque[PacketRecord] = deque(maxlen=LOG_LIMIT)
        self.frames: deque[ReceivedFrame] = deque(maxlen=FRAME_LIMIT)
        self.reports: list[SenderReport] = []
        self.violations: list[str] = []
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        """Packets that the loss pattern took, resends included."""
        self.recovered = 0
        """Packets that came again after a NACK."""
        self.nacked: dict[int, int] = {}
        """Times each extended sequence number was asked for."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.has_key_frame = False
        self._assembler = FrameAssembler(codec, rid)
        self._highest: int | None = None
        self._newest_timestamp = 0
        self._missing: dict[int, _Missing] = {}
        self._seen: deque[int] = deque(maxlen=2048)
        self._reported = (0, 0)
        self._has_complained = False

    @property
    def name(self) -> str:
        return f"section {self.mid} rid {self.rid}" if self.rid else f"section {self.mid}"

    @property
    def key_frames(self) -> int:
        return sum(frame.is_key for frame in self.frames)

    @property
    def missing(self) -> int:
        """Packets that are missing now."""
        return len(self._missing)

    def receive(self, packet: RtpPacket) -> list[ReceivedFrame]:
        """Take a packet of the media SSRC; returns the frames that it completes."""
        self._check(packet)
        self._note(packet)
        return self._accept(self._extend(packet), packet)

    def receive_again(self, original: int, packet: RtpPacket) -> list[ReceivedFrame]:
        """Take what an RTX packet carried; original: 16-bit sequence number."""
        if self._highest is None:
            return []
        distance = (original - self._highest + 0x8000) & 0xFFFF
        return self._accept(self._highest + distance - 0x8000, packet)

    def take_report(self, report: SenderReport) -> None:
        self.reports.append(report)

    def due_nacks(self, now_ns: int) -> list[int]:
        """16-bit sequence numbers to ask for now; to be called on packet arrival."""
        due = [sequence for sequence, missing in self._missing.items() if _is_due(missing, now_ns)]
        for sequence in due:
            missing = self._missing[sequence]
            missing.asked_ns = now_ns
            missing.tries += 1
            self.nacked[sequence] = missing.tries
        return [sequence & 0xFFFF for sequence in sorted(due)]

    def reception(self, now_ns: int) -> Reception:
        """For a receiver report; the fraction lost counts from the last call."""
        highest = self._highest or 0
        expected = highest - self._first_sequence + 1
        lost = max(0, expected - self.packets)
        before_expected, before_lost = self._reported
        self._reported = (expected, lost)
        interval = max(1, expected - before_expected)
        fraction = min(255, max(0, lost - before_lost) * 256 // interval)
        last_sr, delay = 0, 0
        if self.reports:
            last = self.reports[-1]
            last_sr = last.ntp >> 16 & 0xFFFFFFFF
            delay = (now_ns - last.received_ns) * 65536 // SECOND_NS
        return Reception(self.ssrc, highest, fraction, lost, 0, last_sr, delay)

    def _note(self, packet: RtpPacket) -> None:
        if self.first_ns is None:
            self.first_ns = packet.received_ns
            self._first_sequence = packet.sequence
            self._newest_timestamp = packet.timestamp
        self.last_ns = packet.received_ns
        self.log.append(
            PacketRecord(
                packet.received_ns,
                packet.sequence,
                packet.timestamp,
                packet.marker,
                packet.size,
                packet.payload,
            )
        )

    def _extend(self, packet: RtpPacket) -> int:
        if self._highest is None:
            self._highest = packet.sequence
            return packet.sequence
        distance = ((packet.sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
        sequence = self._highest + distance
        if distance > 0:
            self._advance(sequence, packet)
        elif sequence not in self.nacked:
            newest = self._highest & 0xFFFF
            self.violations.append(f"{self.name}: sequence number {packet.sequence} came after {newest}")
        return sequence

    def _advance(self, sequence: int, packet: RtpPacket) -> None:
        assert self._highest is not None
        for gap in range(max(self._highest + 1, sequence - NACK_LIMIT), sequence + 1):
            self._missing[gap] = _Missing(packet.received_ns)
        while len(self._missing) > NACK_LIMIT:
            del self._missing[min(self._missing)]
        self._highest = sequence
        if (packet.timestamp - self._newest_timestamp) & 0x80000000:
            self.violations.append(
                f"{self.name}: timestamp {packet.timestamp} of a newer packet is older than {self._newest_timestamp}"
            )
        self._newest_timestamp = packet.timestamp

    def _accept(self, sequence: int, packet: RtpPacket) -> list[ReceivedFrame]:
        if sequence in self._seen:
            return []
        self._seen.append(sequence)
        missing = self._missing.pop(sequence, None)
        self.recovered += missing is not None and missing.tries > 0
        self.packets += 1
        self.bytes += packet.size
        frames = self._assembler.add(sequence, self._without_red(packet))
        self.has_key_frame = self.has_key_frame or any(frame.is_key for frame in frames)
        self.frames.extend(frames)
        return frames

    def _without_red(self, packet: RtpPacket) -> RtpPacket:
        if packet.payload_type != self.red_payload_type:
            return packet
        return replace(packet, payload=red_primary(packet.payload))

    def _check(self, packet: RtpPacket) -> None:
        if packet.size > RTP_MAX_BYTES:
            self.violations.append(f"{self.name}: a packet of {packet.size} bytes is longer than {RTP_MAX_BYTES}")
        if packet.payload_type not in self.payload_types:
            self.violations.append(f"{self.name}: payload type {packet.payload_type} was not answered")
        self._check_report(packet)

    def _check_report(self, packet: RtpPacket) -> None:
        is_late = self.first_ns is not None and packet.received_ns - self.first_ns > REPORT_PATIENCE_NS
        if is_late and not self.reports and not self._has_complained:
            self._has_complained = True
            self.violations.append(f"{self.name}: no sender report within 1 s of the first packet")

    _first_sequence = 0


def _is_due(missing: _Missing, now_ns: int) -> bool:
    if missing.tries == 0:
        return now_ns - missing.since_ns >= NACK_FIRST_NS
    return missing.tries < NACK_TRIES and now_ns - missing.asked_ns >= NACK_AGAIN_NS
