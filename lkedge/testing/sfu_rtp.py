# lkedge: pure
"""RTP packets as the SFU reads them, and patterns of loss."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_ONE_BYTE_PROFILE = 0xBEDE


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One received packet (RFC 3550, section 5.1).

    extensions: one-byte header extensions (RFC 8285) by id.
    size: bytes of the whole packet after decryption.
    """

    ssrc: int
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    extensions: Mapping[int, bytes]
    payload: bytes = field(repr=False)
    size: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class PacketRecord:
    """What is remembered of a packet."""

    received_ns: int
    sequence: int
    timestamp: int
    marker: bool
    size: int
    payload: bytes = field(repr=False)


def parse_packet(data: bytes, now_ns: int) -> RtpPacket | None:
    """Read one packet; None when it is no RTP."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    start = 12 + 4 * (first & 15)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        if start + 4 > len(data):
            return None
        profile, words = struct.unpack_from("!HH", data, start)
        block = data[start + 4 : start + 4 + 4 * words]
        extensions = _one_byte_extensions(block) if profile == _ONE_BYTE_PROFILE else {}
        start += 4 + 4 * words
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(
        ssrc, sequence, timestamp, bool(second & 0x80), second & 0x7F, extensions, data[start:end], len(data), now_ns
    )


def _one_byte_extensions(block: bytes) -> dict[int, bytes]:
    found = {}
    position = 0
    while position < len(block):
        number, length = block[position] >> 4, (block[position] & 15) + 1
        if number == 0:
            position += 1
            continue
        if number == 15:
            break
        found[number] = block[position + 1 : position + 1 + length]
        position += 1 + length
    return found


LossPattern = Callable[[RtpPacket], bool]
"""True for a packet that shall be lost.

Called once per packet, in order of arrival, before decryption: the payload cannot be read.
"""


def every_nth(n: int) -> LossPattern:
    """Lose the n-th, 2n-th, ... packet of all that arrive."""
    count = 0

    def is_lost(_packet: RtpPacket) -> bool:
        nonlocal count
        count += 1
        return count % n == 0

    return is_lost


def only_ssrc(ssrc: int, pattern: LossPattern) -> LossPattern:
    """Apply `pattern` to the packets of one SSRC."""
    return lambda packet: packet.ssrc == ssrc and pattern(packet)


def once(pattern: LossPattern) -> LossPattern:
    """Lose each (SSRC, sequence number) at most once, so that a resend gets through."""
    lost: set[tuple[int, int]] = set()

    def is_lost(packet: RtpPacket) -> bool:
        key = (packet.ssrc, packet.sequence)
        if key in lost or not pattern(packet):
            return False
        lost.add(key)
        return True

    return is_lost
