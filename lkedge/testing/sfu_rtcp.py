# lkedge: pure
"""The RTCP that an SFU sends to a publisher, and what it reads from one.

RR, NACK, PLI, XR (RFC 3550, 4585, 3611) and transport-wide feedback
(draft-holmer-rmcat-transport-wide-cc-extensions-01), emitted as livekit-server does:
on packet arrival only, and gated by count (congestion.md, section 1.4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MILLISECOND_NS = 1_000_000
TICK_NS = 250_000
REFERENCE_NS = 64 * MILLISECOND_NS

MIN_PACKETS = 21
MAX_PACKETS = 100
INTERVAL_NS = 100 * MILLISECOND_NS
MARKER_INTERVAL_NS = 50 * MILLISECOND_NS

_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2
_MIN_RUN = 7


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class Reception:
    """One report block's worth (RFC 3550, section 6.4.1)."""

    ssrc: int
    highest_sequence: int
    fraction_lost: int = 0
    lost: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay_since_sr: int = 0


def walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(packet type, count or format, body) of each packet of a compound; stops at nonsense."""
    position = 0
    while position + 4 <= len(data):
        first, packet_type, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        yield packet_type, first & 31, data[position + 4 : end]
        position = end


def parse_sender_report(body: bytes, now_ns: int) -> SenderReport | None:
    if len(body) < 24:
        return None
    ssrc, ntp, rtp_timestamp, packets, octets = struct.unpack_from("!IQIII", body)
    return SenderReport(ssrc, ntp, rtp_timestamp, packets, octets, now_ns)


def receiver_report(reception: Reception) -> bytes:
    """One RR whose sender SSRC is the media SSRC, as LiveKit does."""
    lost = max(-(1 << 23), min(reception.lost, (1 << 23) - 1)) & 0xFFFFFF
    return struct.pack(
        "!BBHIIIIIII",
        0x81,
        201,
        7,
        reception.ssrc,
        reception.ssrc,
        reception.fraction_lost << 24 | lost,
        reception.highest_sequence & 0xFFFFFFFF,
        reception.jitter,
        reception.last_sr,
        reception.delay_since_sr,
    )


def nack(ssrc: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK for 16-bit sequence numbers (RFC 4585, section 6.2.1)."""
    entries: list[tuple[int, int]] = []
    for sequence in sequences:
        distance = (sequence - entries[-1][0]) & 0xFFFF if entries else 0
        if 1 <= distance <= 16:
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << (distance - 1))
        elif not entries or distance:
            entries.append((sequence, 0))
    body = b"".join(struct.pack("!HH", *entry) for entry in entries)
    return struct.pack("!BBHII", 0x81, 205, 2 + len(entries), ssrc, ssrc) + body


def pli(ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x81, 206, 2, ssrc, ssrc)


def fir(ssrc: int, sequence: int) -> bytes:
    """Full Intra Request (RFC 5104, section 4.3.1); LiveKit never sends one, others do."""
    return struct.pack("!BBHIIIBBBB", 0x84, 206, 4, ssrc, 0, ssrc, sequence & 0xFF, 0, 0, 0)


def receiver_reference_time(ssrc: int, ntp: int) -> bytes:
    """XR with one RRTR block (RFC 3611, section 4.4)."""
    return struct.pack("!BBHIBBHQ", 0x80, 207, 4, ssrc, 4, 0, 2, ntp)


class TransportFeedbackRecorder:
    """Collects arrivals of transport-wide sequence numbers and writes reports.

    Times are nanoseconds of any clock that does not jump.
    """

    def __init__(self) -> None:
        self._pending: dict[int, int] = {}
        self._highest: int | None = None
        self._next_base: int | None = None
        self._count = 0
        self._reported_ns: int | None = None

    def record(self, sequence: int, now_ns: int) -> None:
        """A packet with this 16-bit number arrived."""
        self._pending.setdefault(self._unwrap(sequence), now_ns)
        if self._reported_ns is None:
            self._reported_ns = now_ns

    def is_due(self, has_marker: bool, now_ns: int) -> bool:
        """To be asked on packet arrival only: there is no timer."""
        held = len(self._pending)
        if held < MIN_PACKETS or self._reported_ns is None:
            return False
        elapsed_ns = now_ns - self._reported_ns
        return elapsed_ns >= INTERVAL_NS or held > MAX_PACKETS or (has_marker and elapsed_ns >= MARKER_INTERVAL_NS)

    def report(self, media_ssrc: int, now_ns: int) -> bytes:
        """The report on everything pending, which is then forgotten."""
        first, last = min(self._pending), max(self._pending)
        base = first if self._next_base is None else min(first, self._next_base)
        packet = self._packet(media_ssrc, base, last)
        self._pending.clear()
        self._next_base = last + 1
        self._reported_ns = now_ns
        self._count = (self._count + 1) & 0xFF
        return packet

    def _packet(self, media_ssrc: int, base: int, last: int) -> bytes:
        arrivals = [self._pending.get(sequence) for sequence in range(base, last + 1)]
        first_ns = next(arrival for arrival in arrivals if arrival is not None)
        reference = first_ns // REFERENCE_NS
        symbols, deltas = _symbols(arrivals, reference * REFERENCE_NS)
        body = struct.pack("!HH", base & 0xFFFF, len(arrivals))
        body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._count])
        body += _chunks(symbols) + deltas
        padding = -len(body) % 4
        if padding:
            body += bytes(padding - 1) + bytes([padding])
        first_byte = 0x8F | (0x20 if padding else 0)
        return struct.pack("!BBHII", first_byte, 205, 2 + len(body) // 4, media_ssrc, media_ssrc) + body

    def _unwrap(self, sequence: int) -> int:
        if self._highest is None:
            self._highest = sequence
            return sequence
        distance = (sequence - self._highest + 0x8000) & 0xFFFF
        unwrapped = self._highest + distance - 0x8000
        self._highest = max(self._highest, unwrapped)
        return unwrapped


def _symbols(arrivals: Sequence[int | None], reference_ns: int) -> tuple[list[int], bytes]:
    symbols, deltas = [], b""
    previous_ticks = reference_ns // TICK_NS
    for arrival in arrivals:
        if arrival is None:
            symbols.append(_NOT_RECEIVED)
            continue
        delta = max(-0x8000, min(arrival // TICK_NS - previous_ticks, 0x7FFF))
        previous_ticks += delta
        is_small = 0 <= delta <= 0xFF
        symbols.append(_SMALL if is_small else _LARGE)
        deltas += struct.pack("!B" if is_small else "!h", delta)
    return symbols, deltas


def _chunks(symbols: Sequence[int]) -> bytes:
    chunks = b""
    position = 0
    while position < len(symbols):
        run = _run_length(symbols, position)
        if run >= _MIN_RUN:
            chunks += struct.pack("!H", symbols[position] << 13 | run)
            position += run
        else:
            chunks += struct.pack("!H", _status_vector(symbols[position : position + 7]))
            position += 7
    return chunks


def _run_length(symbols: Sequence[int], start: int) -> int:
    end = start
    while end < len(symbols) and symbols[end] == symbols[start] and end - start < 0x1FFF:
        end += 1
    return end - start


def _status_vector(symbols: Sequence[int]) -> int:
    """A chunk of seven two-bit symbols."""
    chunk = 0xC000
    for index, symbol in enumerate(symbols):
        chunk |= symbol << (12 - 2 * index)
    return chunk
