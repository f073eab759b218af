import random
import struct

import pytest

from lkedge.rtp.feedback import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReferenceTime,
    ReportBlock,
    TransportFeedback,
    parse_compound,
)
from lkedge.terms import Ssrc


def packet(kind: int, count: int, body: bytes, *, padding: bytes = b"") -> bytes:
    first = 0x80 | (0x20 if padding else 0) | count
    return struct.pack("!BBH", first, kind, (len(body) + len(padding)) // 4) + body + padding


def nack(ssrc: int, *items: tuple[int, int]) -> bytes:
    return packet(205, 1, struct.pack("!II", 1, ssrc) + b"".join(struct.pack("!HH", *item) for item in items))


def pli(ssrc: int) -> bytes:
    return packet(206, 1, struct.pack("!II", 1, ssrc))


def status_chunks(symbols: list[int], source: random.Random) -> bytes:
    """Any mixture of the three kinds of chunk; a vector may run over the end."""
    chunks = b""
    position = 0
    while position < len(symbols):
        rest = symbols[position:]
        run = next((index for index, symbol in enumerate(rest) if symbol != rest[0]), len(rest))
        kind = source.choice(("run", "one", "two"))
        if kind == "one" and max(rest[:14]) < 2:
            bits = sum(symbol << 13 - index for index, symbol in enumerate(rest[:14]))
            chunks += struct.pack("!H", 0x8000 | bits)
            position += 14
        elif kind == "two":
            bits = sum(symbol << 12 - 2 * index for index, symbol in enumerate(rest[:7]))
            chunks += struct.pack("!H", 0xC000 | bits)
            position += 7
        else:
            chunks += struct.pack("!H", rest[0] << 13 | run)
            position += run
    return chunks


def transport_feedback(
    base: int, reference: int, deltas: list[int | None], *, count: int = 0, seed: int = 1, counted_padding: bool = True
) -> bytes:
    symbols = [0 if delta is None else 1 if 0 <= delta <= 255 else 2 for delta in deltas]
    body = struct.pack("!IIHHI", 1, 2, base, len(deltas), reference << 8 | count)
    body += status_chunks(symbols, random.Random(seed))
    for delta, symbol in zip(deltas, symbols, strict=True):
        body += b"" if delta is None else struct.pack("!B" if symbol == 1 else "!h", delta)
    missing = -len(body) % 4
    padding = bytes(missing - 1) + bytes((missing if counted_padding else 0,)) if missing else b""
    return packet(205, 15, body, padding=padding)


def test_nack_names_the_first_and_those_in_the_mask() -> None:
    data = nack(7, (0xFFFE, 0b1000_0000_0000_0011), (50, 0))

    assert parse_compound(data) == [Nack(Ssrc(7), (0xFFFE, 0xFFFF, 0, 14, 50))]


def test_picture_loss_and_full_intra_requests() -> None:
    fir = packet(206, 4, struct.pack("!IIIIII", 1, 0, 7, 3 << 24, 8, 4 << 24))

    asked = [PictureLoss(Ssrc(5)), FullIntraRequest(Ssrc(7), 3), FullIntraRequest(Ssrc(8), 4)]
    assert parse_compound(pli(5) + fir) == asked


def test_report_blocks_of_both_kinds_of_report() -> None:
    block = struct.pack("!IIIIII", 7, 64 << 24 | 0xFFFFFE, 70_000, 90, 0x11112222, 65_536)
    expected = ReportBlock(Ssrc(7), 0.25, -2, 70_000, 90, 0x11112222, 65_536)

    assert parse_compound(packet(201, 1, bytes(4) + block)) == [expected]
    assert parse_compound(packet(200, 2, bytes(24) + block + block)) == [expected, expected]


def test_reference_time_among_other_extended_reports() -> None:
    other = struct.pack("!BBHI", 9, 0, 1, 0)
    body = struct.pack("!I", 3) + other + struct.pack("!BBHQ", 4, 0, 2, 1 << 40)

    assert parse_compound(packet(207, 0, body)) == [ReceiverReferenceTime(Ssrc(3), 1 << 40)]


@pytest.mark.parametrize(
    "strange",
    [
        packet(205, 15, bytes(4)),
        packet(205, 15, struct.pack("!IIHHIH", 1, 2, 0, 5, 0, 0) + bytes(2)),
        packet(205, 15, struct.pack("!IIHHI", 1, 2, 0, 5, 0)),
        packet(205, 15, struct.pack("!IIHHIH", 1, 2, 0, 9, 0, 1 << 13 | 9) + bytes(2)),
        packet(205, 1, b""),
        packet(206, 1, bytes(4)),
        packet(206, 15, b"REMB"),
        packet(207, 0, struct.pack("!IBBH", 1, 4, 0, 2)),
        packet(207, 0, b""),
        packet(201, 3, bytes(4)),
        packet(204, 0, bytes(8)),
        packet(202, 1, bytes(8)),
        packet(250, 0, bytes(8)),
        b"\x00\x00\x00\x00",
    ],
)
def test_what_shares_a_datagram_with_a_strange_packet_still_arrives(strange: bytes) -> None:
    assert parse_compound(pli(1) + strange + nack(2, (5, 0))) == [PictureLoss(Ssrc(1)), Nack(Ssrc(2), (5,))]


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_truncated_packet_at_the_end_is_skipped(cut: int) -> None:
    assert parse_compound(pli(1) + nack(2, (5, 0))[:-cut]) == [PictureLoss(Ssrc(1))]


def test_noise_never_raises() -> None:
    source = random.Random(5)
    kinds = (200, 201, 202, 205, 206, 207)
    for _ in range(3000):
        body = source.randbytes(4 * source.randint(0, 12))
        first = 0x80 | source.randrange(64)
        parse_compound(struct.pack("!BBH", first, source.choice(kinds), len(body) // 4) + body)


def test_any_transport_feedback_is_read() -> None:
    source = random.Random(2)
    for seed in range(500):
        deltas = [random_delta(source) for _ in range(source.randint(1, 120))]
        base, reference = source.randrange(1 << 16), source.randrange(1 << 24)

        (feedback,) = parse_compound(transport_feedback(base, reference, deltas, count=seed & 255, seed=seed))

        assert isinstance(feedback, TransportFeedback)
        assert feedback.packets == expected_packets(base, reference, deltas)
        assert (feedback.base_sequence, feedback.reference_time) == (base, reference)
        assert feedback.feedback_count == seed & 255


def random_delta(source: random.Random) -> int | None:
    if source.random() < 0.2:
        return None
    return source.randint(0, 255) if source.random() < 0.9 else source.randint(-32768, 32767)


def expected_packets(base: int, reference: int, deltas: list[int | None]) -> tuple[tuple[int, int | None], ...]:
    arrival = reference * 64_000
    packets: list[tuple[int, int | None]] = []
    for index, delta in enumerate(deltas):
        arrival += 0 if delta is None else delta * 250
        packets.append((base + index & 0xFFFF, None if delta is None else arrival))
    return tuple(packets)


def test_padding_that_nobody_counted_is_tolerated() -> None:
    data = transport_feedback(9, 1, [4, None, 8], counted_padding=False)

    (feedback,) = parse_compound(data + b"")

    assert isinstance(feedback, TransportFeedback)
    assert feedback.packets == ((9, 65_000), (10, None), (11, 67_000))


def test_a_long_report_after_an_outage_is_read() -> None:
    deltas: list[int | None] = [1, *[None] * 3000, 2]

    (feedback,) = parse_compound(transport_feedback(65_000, 0, deltas))

    assert isinstance(feedback, TransportFeedback)
    assert len(feedback.packets) == 3002
    assert feedback.packets[-1] == (65_000 + 3001 & 0xFFFF, 750)
