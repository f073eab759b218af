import pytest

from lkedge.rtp.header import HeaderTemplate
from lkedge.rtp.packetizer import split_evenly
from lkedge.rtp.profile import MID, RTP_STREAM_ID, TRANSPORT_CC
from lkedge.terms import Ssrc

SSRC = Ssrc(0x01020304)


def test_header_without_extensions_has_twelve_bytes_and_no_x_bit() -> None:
    packet = HeaderTemplate(96, SSRC, {}).packet(7, 8, b"payload", marker=False)

    assert packet == bytes.fromhex("80 60 0007 00000008 01020304") + b"payload"


def test_header_with_extensions_is_in_one_byte_form() -> None:
    template = HeaderTemplate(96, SSRC, {MID: b"0", RTP_STREAM_ID: b"q", TRANSPORT_CC: b"\0\0"})

    packet = template.packet(7, 8, b"p", marker=True)

    assert packet == bytes.fromhex("90 e0 0007 00000008 01020304 bede 0002 10 30 a0 71 41 0000 00") + b"p"
    assert template.size == 24
    assert packet[template.offset_of(TRANSPORT_CC) - 1] == 0x41


def test_empty_values_are_left_out() -> None:
    template = HeaderTemplate(96, SSRC, {MID: b"0", RTP_STREAM_ID: b""})

    assert template.offset_of(RTP_STREAM_ID) == 0
    assert template.offset_of(MID) == 17


def test_too_long_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 16"):
        HeaderTemplate(96, SSRC, {MID: b"x" * 17})


def test_packets_of_a_frame_are_numbered_over_the_wrap_and_the_last_has_the_marker() -> None:
    template = HeaderTemplate(96, SSRC, {MID: b"0"})
    data = bytes(range(30))

    packets = template.packets(0x1FFFF, 5, data, split_evenly(b"", 0, 30, 10))

    assert [int.from_bytes(packet[2:4], "big") for packet in packets] == [0xFFFF, 0, 1]
    assert [packet[1] >> 7 for packet in packets] == [0, 0, 1]
    assert b"".join(packet[template.size :] for packet in packets) == data


def test_a_packet_does_not_change_with_the_next() -> None:
    template = HeaderTemplate(96, SSRC, {})
    first = template.packet(1, 1, b"a", marker=True)

    template.packet(2, 2, b"b", marker=False)

    assert first[2:8] == bytes.fromhex("0001 00000001")
