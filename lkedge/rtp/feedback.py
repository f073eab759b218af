# lkedge: pure
"""RTCP from the receiver, as values (RFC 3550, 3611, 4585, 5104, transport-wide congestion control).

The walk over a compound never stops at a packet it cannot read: what shares a datagram with a
strange packet still arrives.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lkedge.terms import Ssrc

PT_SENDER_REPORT = 200
PT_RECEIVER_REPORT = 201
PT_TRANSPORT_FEEDBACK = 205
PT_PAYLOAD_FEEDBACK = 206
PT_EXTENDED_REPORT = 207

_FMT_NACK = 1
_FMT_TRANSPORT_CC = 15
_FMT_PICTURE_LOSS = 1
_FMT_FULL_INTRA_REQUEST = 4
_XR_REFERENCE_TIME = 4

REFERENCE_TIME_US = 64_000
DELTA_US = 250


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets of a media SSRC that are missing: 16-bit numbers (RFC 4585, section 6.2.1)."""

    ssrc: Ssrc
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """A decoder cannot go on without a key frame (PLI: RFC 4585, section 6.3.1)."""

    ssrc: Ssrc


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """A decoder wants a key frame; a repetition has the same number (FIR: RFC 5104, section 4.3.1)."""

    ssrc: Ssrc
    number: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What arrived of one SSRC (RFC 3550, section 6.4.1).

    fraction_lost: 0.0 to 1.0 since the report before.
    cumulative_lost: may be negative when packets were duplicated.
    jitter: RTP timestamp units.
    last_report: middle 32 bits of the NTP time of our newest sender report, 0 when none came.
    delay: since that report arrived there, in 1/65536 s.
    """

    ssrc: Ssrc
    fraction_lost: float
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """The receiver's clock; an answer gives it the round-trip time (RRTR: RFC 3611, section 4.4).

    ssrc: of the receiver. ntp: its 64-bit NTP timestamp.
    """

    ssrc: Ssrc
    ntp: int


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """When packets of the whole transport arrived (draft-holmer-rmcat-transport-wide-cc-extensions).

    base_sequence, reference_time: as on the wire, 16 bit and 24 bit of 64 ms, until unwrapped.
    feedback_count: 8 bit; a gap means that a report was lost, not the packets it was about.
    packets: (transport-wide number, arrival in microseconds, None when it did not arrive), in
        order of number. The receiver's clock has an origin of its own: only differences count.
    """

    base_sequence: int
    reference_time: int
    feedback_count: int
    packets: tuple[tuple[int, int | None], ...]


Feedback = Nack | PictureLoss | FullIntraRequest | ReportBlock | ReceiverReferenceTime | TransportFeedback


def parse_compound(data: bytes) -> list[Feedback]:
    """Everything in one datagram that we understand, in order. Never raises."""
    found: list[Feedback] = []
    for kind, count, body in _walk(data):
        parse = _PARSERS.get((kind, count)) or _PARSERS.get((kind, None))
        if parse is not None:
            _parse_into(found, parse, count, body)
    return found


_Parser = Callable[[int, bytes], Iterator["Feedback"]]


def _parse_into(found: list[Feedback], parse: _Parser, count: int, body: bytes) -> None:
    try:
        found += list(parse(count, body))
    except (struct.error, ValueError, IndexError):
        return


def _walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Packet type, count or format, and body without padding, of every RTCP packet."""
    position = 0
    while position + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if end > len(data):
            return
        if first >> 6 == 2:
            yield kind, first & 0x1F, _without_padding(data[position + 4 : end], bool(first & 0x20))
        position = end


def _without_padding(body: bytes, is_padded: bool) -> bytes:
    """Without the padding its last byte counts; as it is when that count cannot be true.

    Some senders pad with zeros and no count: the parsers ignore what follows their data.
    """
    if not is_padded or not body or body[-1] > len(body):
        return body
    return body[: len(body) - body[-1]]


def _parse_sender_report(count: int, body: bytes) -> Iterator[Feedback]:
    return _report_blocks(count, body, 24)


def _parse_receiver_report(count: int, body: bytes) -> Iterator[Feedback]:
    return _report_blocks(count, body, 4)


def _report_blocks(count: int, body: bytes, start: int) -> Iterator[Feedback]:
    end = min(len(body) - 23, start + 24 * count)
    for position in range(start, end, 24):
        ssrc, lost, highest, jitter, last_report, delay = struct.unpack_from("!IIIIII", body, position)
        cumulative = lost & 0xFFFFFF
        signed = cumulative - (1 << 24) if cumulative & 0x800000 else cumulative
        yield ReportBlock(Ssrc(ssrc), (lost >> 24) / 256, signed, highest, jitter, last_report, delay)


def _parse_nack(_count: int, body: bytes) -> Iterator[Feedback]:
    _sender, ssrc = struct.unpack_from("!II", body)
    sequences: list[int] = []
    for position in range(8, len(body) - 3, 4):
        first, following = struct.unpack_from("!HH", body, position)
        sequences.append(first)
        sequences += [first + bit + 1 & 0xFFFF for bit in range(16) if following >> bit & 1]
    if sequences:
        yield Nack(Ssrc(ssrc), tuple(sequences))


def _parse_picture_loss(_count: int, body: bytes) -> Iterator[Feedback]:
    yield PictureLoss(Ssrc(struct.unpack_from("!II", body)[1]))


def _parse_full_intra_request(_count: int, body: bytes) -> Iterator[Feedback]:
    for position in range(8, len(body) - 7, 8):
        ssrc, number = struct.unpack_from("!IB", body, position)
        yield FullIntraRequest(Ssrc(ssrc), number)


def _parse_extended_report(_count: int, body: bytes) -> Iterator[Feedback]:
    (ssrc,) = struct.unpack_from("!I", body)
    position = 4
    while position + 4 <= len(body):
        block, _specific, words = struct.unpack_from("!BBH", body, position)
        if block == _XR_REFERENCE_TIME and words == 2:
            yield ReceiverReferenceTime(Ssrc(ssrc), struct.unpack_from("!Q", body, position + 4)[0])
        position += 4 + 4 * words


def _parse_transport_feedback(_count: int, body: bytes) -> Iterator[Feedback]:
    _sender, _media, base, status_count, word = struct.unpack_from("!IIHHI", body)
    symbols, position = _status_symbols(body, 16, status_count)
    reference = word >> 8
    packets = tuple(_arrivals(body, position, base, reference * REFERENCE_TIME_US, symbols))
    if packets:
        yield TransportFeedback(base, reference, word & 0xFF, packets)


def _status_symbols(body: bytes, position: int, count: int) -> tuple[list[int], int]:
    """The status of `count` packets, and where the receive deltas begin.

    0: not received, 1: one-byte delta, 2: two-byte delta, 3: reserved, no delta.
    The last chunk may say more than `count`; its tail has no deltas.
    """
    symbols: list[int] = []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, position)
        symbols += _chunk_symbols(chunk, count - len(symbols))
        position += 2
    return symbols[:count], position


def _chunk_symbols(chunk: int, limit: int) -> list[int]:
    if chunk & 0xC000 == 0xC000:
        return [chunk >> shift & 3 for shift in range(12, -1, -2)]
    if chunk & 0x8000:
        return [chunk >> shift & 1 for shift in range(13, -1, -1)]
    run = chunk & 0x1FFF
    if run == 0:
        raise ValueError("a run of no packets would never end")
    return [chunk >> 13] * min(run, limit)


def _arrivals(
    body: bytes, position: int, sequence: int, arrival_us: int, symbols: list[int]
) -> Iterator[tuple[int, int | None]]:
    for index, symbol in enumerate(symbols):
        number = sequence + index & 0xFFFF
        if symbol not in (1, 2):
            yield number, None
            continue
        delta = body[position] if symbol == 1 else struct.unpack_from("!h", body, position)[0]
        position += symbol
        arrival_us += delta * DELTA_US
        yield number, arrival_us


_PARSERS: dict[tuple[int, int | None], _Parser] = {
    (PT_SENDER_REPORT, None): _parse_sender_report,
    (PT_RECEIVER_REPORT, None): _parse_receiver_report,
    (PT_TRANSPORT_FEEDBACK, _FMT_NACK): _parse_nack,
    (PT_TRANSPORT_FEEDBACK, _FMT_TRANSPORT_CC): _parse_transport_feedback,
    (PT_PAYLOAD_FEEDBACK, _FMT_PICTURE_LOSS): _parse_picture_loss,
    (PT_PAYLOAD_FEEDBACK, _FMT_FULL_INTRA_REQUEST): _parse_full_intra_request,
    (PT_EXTENDED_REPORT, None): _parse_extended_report,
}
