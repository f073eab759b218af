from lkedge.rtp.opus import OpusPacketizer
from lkedge.rtp.packetizer import contents


def test_a_packet_is_a_payload() -> None:
    assert contents(b"sound", OpusPacketizer().packetize(b"sound", 0)) == [b"sound"]


def test_what_cannot_be_sent_is_dropped() -> None:
    assert OpusPacketizer().packetize(b"", 0) == []
    assert OpusPacketizer().packetize(bytes(2000), 0) == []
