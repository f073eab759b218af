import struct

from aiortc.rtp import RtcpPacket, RtcpSdesPacket, RtcpSrPacket

from lkedge.rtp.reports import reference_time_answer, sender_report, source_description
from lkedge.terms import Ssrc

SSRC = Ssrc(0x11223344)


def test_sender_report_and_name_are_read_by_another_implementation() -> None:
    ntp = (123 << 32) | 456

    report, name = RtcpPacket.parse(sender_report(SSRC, ntp, 789, 10, 1 << 33 | 5) + source_description(SSRC, "lkedge"))

    assert isinstance(report, RtcpSrPacket)
    assert isinstance(name, RtcpSdesPacket)
    assert (report.ssrc, report.reports) == (SSRC, [])
    info = report.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp, info.packet_count, info.octet_count) == (ntp, 789, 10, 5)
    assert [(chunk.ssrc, chunk.items) for chunk in name.chunks] == [(SSRC, [(1, b"lkedge")])]


def test_every_length_of_name_ends_on_a_word_with_a_zero() -> None:
    for length in range(9):
        packet = source_description(SSRC, "n" * length)
        assert len(packet) % 4 == 0
        assert packet[-1] == 0
        assert struct.unpack_from("!H", packet, 2)[0] == len(packet) // 4 - 1


def test_reference_time_is_answered_with_its_middle_bits() -> None:
    answer = reference_time_answer(SSRC, Ssrc(9), 0x1111222233334444, 5)

    assert answer[:8] == bytes.fromhex("80 c9 0001 11223344")
    assert answer[8:16] == bytes.fromhex("80 cf 0005 11223344")
    assert answer[16:] == bytes.fromhex("05 00 0003 00000009 22223333 00000005")
