from lkedge.rtp.packetizer import contents
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES
from lkedge.rtp.vp8 import DESCRIPTOR_BYTES, Vp8Packetizer


def test_one_fragment_has_start_bit_and_long_picture_id() -> None:
    assert contents(b"frame", Vp8Packetizer(0x123).packetize(b"frame", 0)) == [bytes.fromhex("90 80 8123") + b"frame"]


def test_a_large_frame_is_split_evenly_with_the_same_fields_everywhere() -> None:
    data = bytes(index % 251 for index in range(5000))

    payloads = contents(data, Vp8Packetizer(5).packetize(data, 0))

    assert [payload[:DESCRIPTOR_BYTES].hex() for payload in payloads] == ["90808005"] + ["80808005"] * 4
    assert b"".join(payload[DESCRIPTOR_BYTES:] for payload in payloads) == data
    assert {len(payload) for payload in payloads} == {1004}
    assert max(map(len, payloads)) <= MAX_PAYLOAD_BYTES


def test_a_frame_that_just_fits_stays_whole() -> None:
    room = MAX_PAYLOAD_BYTES - DESCRIPTOR_BYTES

    assert len(Vp8Packetizer(0).packetize(bytes(room), 0)) == 1
    assert len(Vp8Packetizer(0).packetize(bytes(room + 1), 0)) == 2


def test_picture_id_wraps_at_fifteen_bits() -> None:
    packetizer = Vp8Packetizer(0x7FFF)

    prefixes = [packetizer.packetize(b"x", 0)[0][0] for _ in range(2)]

    assert [prefix[2:].hex() for prefix in prefixes] == ["ffff", "8000"]


def test_no_data_gives_no_packet() -> None:
    assert Vp8Packetizer(0).packetize(b"", 0) == []
