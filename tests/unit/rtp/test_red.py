from lkedge.rtp.packetizer import contents
from lkedge.rtp.red import RedPacketizer


def send(packetizer: RedPacketizer, data: bytes, timestamp: int) -> bytes:
    (payload,) = contents(data, packetizer.packetize(data, timestamp))
    return payload


def test_the_first_packet_has_no_redundancy() -> None:
    assert send(RedPacketizer(111), b"one", 0) == b"\x6fone"


def test_each_packet_repeats_the_one_before() -> None:
    packetizer = RedPacketizer(111)
    send(packetizer, b"one", 0xFFFFFF00)

    payload = send(packetizer, b"second", 0xFFFFFF00 + 960 & 0xFFFFFFFF)

    header = int.from_bytes(payload[:4], "big")
    assert (header >> 31, header >> 24 & 0x7F, header >> 10 & 0x3FFF, header & 0x3FF) == (1, 111, 960, 3)
    assert payload[4:] == b"\x6fonesecond"


def test_too_old_a_packet_is_not_repeated() -> None:
    packetizer = RedPacketizer(111)
    send(packetizer, b"one", 0)

    assert send(packetizer, b"two", 16_384) == b"\x6ftwo"
    assert send(packetizer, b"three", 16_384 + 16_383)[4:] == b"\x6ftwothree"


def test_too_long_a_packet_is_not_repeated() -> None:
    packetizer = RedPacketizer(111)
    send(packetizer, bytes(1024), 0)

    assert send(packetizer, b"two", 960) == b"\x6ftwo"


def test_redundancy_that_does_not_fit_is_left_out() -> None:
    packetizer = RedPacketizer(111)
    send(packetizer, bytes(1000), 0)

    assert len(send(packetizer, bytes(300), 960)) == 301


def test_what_cannot_be_sent_is_dropped() -> None:
    assert RedPacketizer(111).packetize(b"", 0) == []
    assert RedPacketizer(111).packetize(bytes(1180), 0) == []
