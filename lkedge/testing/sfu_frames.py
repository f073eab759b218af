# lkedge: pure
"""From packets to frames: VP8 (RFC 7741), H.264 (RFC 6184), Opus (RFC 7587) and RED (RFC 2198).

Frames come out in order and complete. A gap that no resend fills is skipped after a
while; frames after it are marked until the next key frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lkedge.testing.sfu_rtp import RtpPacket

PATIENCE = 250
"""Newer packets held before a missing one is given up."""

START_CODE = b"\0\0\0\1"
_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """One complete frame: a VP8 frame, an Annex-B access unit, an Opus packet.

    received_ns: when its last packet came.
    is_decodable: every frame since the last key frame is there. True for audio.
    """

    rid: str
    timestamp: int
    data: bytes = field(repr=False)
    is_key: bool
    received_ns: int
    packets: int
    is_decodable: bool = True


class FrameAssembler:
    """Puts the packets of one stream together."""

    def __init__(self, codec: str, rid: str = "") -> None:
        self._codec = codec
        self._rid = rid
        self._waiting: dict[int, RtpPacket] = {}
        self._next: int | None = None
        self._is_whole = codec == "opus"
        self.skipped = 0
        """Packets that never came."""

    def add(self, sequence: int, packet: RtpPacket) -> list[ReceivedFrame]:
        """Take a packet; sequence: extended, so that it never wraps. Returns what got complete."""
        if self._next is None:
            if not self._begins(packet):
                return []
            self._next = sequence
        if sequence < self._next:
            return []
        self._waiting[sequence] = packet
        frames = self._complete_frames()
        while len(self._waiting) > PATIENCE:
            self._skip()
            frames += self._complete_frames()
        return frames

    def _complete_frames(self) -> list[ReceivedFrame]:
        frames = []
        while packets := self._next_frame():
            frame = self._frame(packets)
            if frame is not None:
                frames.append(frame)
        return frames

    def _next_frame(self) -> list[RtpPacket]:
        """The packets of the next frame, if all are there; takes them out."""
        assert self._next is not None
        end = self._next
        while end in self._waiting:
            packet = self._waiting[end]
            end += 1
            if packet.marker or self._codec == "opus":
                packets = [self._waiting.pop(sequence) for sequence in range(self._next, end)]
                self._next = end
                return packets
        return []

    def _skip(self) -> None:
        """Give up: go on after the first gap, at the next packet that begins a frame."""
        assert self._next is not None
        position = self._next
        while position in self._waiting:
            del self._waiting[position]
            position += 1
        later = min(self._waiting)
        self.skipped += later - position
        self._next = self._frame_start(later)
        self._is_whole = self._codec == "opus"

    def _begins(self, packet: RtpPacket) -> bool:
        return self._codec == "opus" or _begins_frame(self._codec, packet.payload)

    def _frame_start(self, position: int) -> int:
        while position in self._waiting and not self._begins(self._waiting[position]):
            del self._waiting[position]
            position += 1
        return position

    def _frame(self, packets: list[RtpPacket]) -> ReceivedFrame | None:
        payloads = [packet.payload for packet in packets if packet.payload]
        if not payloads:
            return None
        data, is_key = depayload(self._codec, payloads)
        self._is_whole = self._is_whole or is_key
        last = packets[-1]
        received_ns = max(packet.received_ns for packet in packets)
        return ReceivedFrame(self._rid, last.timestamp, data, is_key, received_ns, len(packets), self._is_whole)


def depayload(codec: str, payloads: Iterable[bytes]) -> tuple[bytes, bool]:
    """(frame, whether it is a key frame) from the payloads of one frame."""
    if codec == "opus":
        return b"".join(payloads), True
    if codec == "vp8":
        data = b"".join(payload[vp8_descriptor_size(payload) :] for payload in payloads)
        return data, bool(data) and not data[0] & 1
    return h264_access_unit(payloads)


def vp8_descriptor_size(payload: bytes) -> int:
    """Bytes before the VP8 payload (RFC 7741, section 4.2)."""
    if not payload[0] & 0x80:
        return 1
    flags, size = payload[1], 2
    if flags & 0x80:
        size += 2 if payload[size] & 0x80 else 1
    if flags & 0x40:
        size += 1
    return size + 1 if flags & 0x30 else size


def h264_access_unit(payloads: Iterable[bytes]) -> tuple[bytes, bool]:
    """Annex-B; key only with an SPS, as for the SFU an IDR without one is no key frame."""
    units: list[bytearray] = []
    for payload in payloads:
        kind = payload[0] & 31
        if kind == _STAP_A:
            units += [bytearray(unit) for unit in _stap_units(payload)]
        elif kind == _FU_A:
            if payload[1] & 0x80:
                units.append(bytearray([payload[0] & 0xE0 | payload[1] & 31]))
            if units:
                units[-1] += payload[2:]
        else:
            units.append(bytearray(payload))
    kinds = {unit[0] & 31 for unit in units if unit}
    return b"".join(START_CODE + unit for unit in units), {_IDR, _SPS} <= kinds


def red_primary(payload: bytes) -> bytes:
    """The newest block of a RED payload (RFC 2198)."""
    position, redundant = 0, 0
    while position + 4 <= len(payload) and payload[position] & 0x80:
        redundant += int.from_bytes(payload[position + 2 : position + 4], "big") & 0x3FF
        position += 4
    return payload[position + 1 + redundant :]


def _stap_units(payload: bytes) -> list[bytes]:
    units, position = [], 1
    while position + 2 <= len(payload):
        size = int.from_bytes(payload[position : position + 2], "big")
        units.append(payload[position + 2 : position + 2 + size])
        position += 2 + size
    return units


def _begins_frame(codec: str, payload: bytes) -> bool:
    if not payload:
        return False
    if codec == "vp8":
        return bool(payload[0] & 0x10) and not payload[0] & 7
    kind = payload[0] & 31
    return kind in (_STAP_A, _SPS)
