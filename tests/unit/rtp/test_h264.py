import random

import pytest

from lkedge.rtp.h264 import H264Packetizer, split_annex_b
from lkedge.rtp.packetizer import contents
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES

AUD = b"\x09\xf0"
SEI = b"\x06" + b"s" * 40
SPS = b"\x67\x42\xc0\x1f" + b"p" * 8
PPS = b"\x68\xce\x3c\x80"


def nal(header: int, size: int) -> bytes:
    return bytes((header,)) + bytes(1 + index % 250 for index in range(size - 1))


def access_unit(*units: bytes, start_code: bytes = b"\0\0\0\1") -> bytes:
    return b"".join(start_code + unit for unit in units)


def packetize(data: bytes) -> list[bytes]:
    return contents(data, H264Packetizer().packetize(data, 0))


def depacketize(payloads: list[bytes]) -> list[bytes]:
    """RFC 6184 receiver, written from the text and not from the packetizer."""
    units: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 31
        if kind == 24:
            position = 1
            while position < len(payload):
                length = int.from_bytes(payload[position : position + 2], "big")
                units.append(payload[position + 2 : position + 2 + length])
                position += 2 + length
        elif kind == 28:
            if payload[1] & 0x80:
                units.append(bytes((payload[0] & 0xE0 | payload[1] & 31,)))
            units[-1] += payload[2:]
        else:
            units.append(payload)
    return units


@pytest.mark.parametrize("start_code", [b"\0\0\1", b"\0\0\0\1", b"\0\0\0\0\1"])
def test_annex_b_is_split_at_any_start_code(start_code: bytes) -> None:
    data = access_unit(SPS, PPS, b"\x65abc", start_code=start_code) + b"\0\0"

    assert [data[start:stop] for start, stop in split_annex_b(data)] == [SPS, PPS, b"\x65abc"]


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"no start code", b"\0\0\1", b"\0\0\1\0\0\1"])
def test_nonsense_has_no_units(data: bytes) -> None:
    assert split_annex_b(data) == []
    assert packetize(data) == []


def test_parameter_sets_and_their_company_share_the_first_packet() -> None:
    payloads = packetize(access_unit(AUD, SPS, PPS, SEI, nal(0x65, 5000)))

    assert payloads[0][0] == 0x60 | 24
    assert depacketize(payloads[:1]) == [AUD, SPS, PPS, SEI]
    assert all(payload[0] & 31 == 28 for payload in payloads[1:])


def test_a_small_key_picture_is_one_packet() -> None:
    payloads = packetize(access_unit(SPS, PPS, nal(0x65, 300)))

    assert len(payloads) == 1
    assert depacketize(payloads) == [SPS, PPS, nal(0x65, 300)]


def test_a_single_small_slice_is_a_single_nal_packet() -> None:
    assert packetize(access_unit(nal(0x41, 900))) == [nal(0x41, 900)]


def test_fragments_are_even_and_marked_at_both_ends() -> None:
    payloads = packetize(access_unit(nal(0x41, 5001)))

    assert [payload[1] for payload in payloads] == [0x81, 1, 1, 1, 0x41]
    assert {payload[0] for payload in payloads} == {0x40 | 28}
    assert {len(payload) for payload in payloads} == {1002}


def test_a_delimiter_in_front_of_a_large_slice_is_left_out() -> None:
    assert depacketize(packetize(access_unit(AUD, nal(0x41, 3000)))) == [nal(0x41, 3000)]


def test_filler_is_left_out() -> None:
    assert packetize(access_unit(nal(0x41, 100), nal(0x0C, 600))) == [nal(0x41, 100)]


def test_an_idr_picture_without_parameter_sets_gets_the_last_known() -> None:
    packetizer = H264Packetizer()
    packetizer.packetize(access_unit(SPS, PPS, nal(0x65, 50)), 0)
    data = access_unit(nal(0x65, 3000))

    units = depacketize(contents(data, packetizer.packetize(data, 1)))

    assert units == [SPS, PPS, nal(0x65, 3000)]


def test_a_delta_picture_gets_none() -> None:
    packetizer = H264Packetizer()
    packetizer.packetize(access_unit(SPS, PPS, nal(0x65, 50)), 0)
    data = access_unit(nal(0x41, 60))

    assert contents(data, packetizer.packetize(data, 1)) == [nal(0x41, 60)]


def test_any_access_unit_survives() -> None:
    source = random.Random(3)
    for _ in range(200):
        units = [
            nal(source.choice((0x67, 0x68, 0x06, 0x65, 0x41)), source.choice((2, 40, 1170, 1180, 1181, 4000)))
            for _ in range(source.randint(1, 8))
        ]
        payloads = packetize(access_unit(*units))
        assert depacketize(payloads) == units
        assert max(map(len, payloads)) <= MAX_PAYLOAD_BYTES
