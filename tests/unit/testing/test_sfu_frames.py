from __future__ import annotations

import pytest

from lkedge.testing.sfu_frames import (
    PATIENCE,
    START_CODE,
    FrameAssembler,
    ReceivedFrame,
    h264_access_unit,
    red_primary,
    vp8_descriptor_size,
)
from lkedge.testing.sfu_rtp import RtpPacket

KEY, DELTA, REST = b"\x10\x10key", b"\x10\x11delta", b"\x00rest"


def packet(payload: bytes, timestamp: int = 0, marker: bool = True, received_ns: int = 0) -> RtpPacket:
    return RtpPacket(1, 0, timestamp, marker, 96, {}, payload, len(payload), received_ns)


def feed(assembler: FrameAssembler, *packets: tuple[int, RtpPacket]) -> list[ReceivedFrame]:
    return [frame for sequence, item in packets for frame in assembler.add(sequence, item)]


def test_a_frame_of_three_packets_in_any_order() -> None:
    parts = [(10, packet(KEY, marker=False)), (11, packet(REST, marker=False)), (12, packet(REST))]
    assembler = FrameAssembler("vp8", "f")

    (frame,) = feed(assembler, parts[0], parts[2], parts[1])

    assert (frame.rid, frame.data, frame.is_key, frame.packets) == ("f", b"\x10key" + b"rest" * 2, True, 3)


def test_frames_wait_for_an_earlier_one() -> None:
    assembler = FrameAssembler("vp8")
    feed(assembler, (1, packet(KEY)))

    assert feed(assembler, (3, packet(DELTA, 2))) == []
    assert [frame.timestamp for frame in feed(assembler, (2, packet(DELTA, 1)))] == [1, 2]


def test_a_packet_that_never_comes_makes_the_rest_undecodable_until_a_key_frame() -> None:
    assembler = FrameAssembler("vp8")
    feed(assembler, (0, packet(KEY)))
    late = [(2 + index, packet(KEY if index == PATIENCE + 1 else DELTA)) for index in range(PATIENCE + 3)]

    frames = feed(assembler, *late)

    assert assembler.skipped == 1
    assert [frame.is_decodable for frame in frames] == [False] * (PATIENCE + 1) + [True, True]


def test_it_begins_at_the_first_frame_that_begins() -> None:
    frames = feed(FrameAssembler("vp8"), (1, packet(REST)), (2, packet(KEY)))
    assert [frame.is_key for frame in frames] == [True]


def test_every_opus_packet_is_a_frame() -> None:
    frames = feed(FrameAssembler("opus"), (1, packet(b"a", marker=False)), (2, packet(b"b", marker=False)))
    assert [frame.data for frame in frames] == [b"a", b"b"]
    assert all(frame.is_decodable for frame in frames)


@pytest.mark.parametrize(
    ("descriptor", "size"),
    [
        (b"\x10", 1),
        (b"\x90\x80\x05", 3),
        (b"\x90\x80\x85\x01", 4),
        (b"\x90\xe0\x85\x01\x07\x20", 6),
        (b"\x90\x20\x20", 3),
    ],
)
def test_vp8_descriptors(descriptor: bytes, size: int) -> None:
    assert vp8_descriptor_size(descriptor + b"payload") == size


def test_h264_from_single_stap_and_fragments() -> None:
    sps, pps = b"\x67sps", b"\x68pps"
    stap = b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in (sps, pps))
    fragments = [b"\x7c\x85one", b"\x7c\x05two", b"\x7c\x45three"]

    unit, is_key = h264_access_unit([stap, *fragments])

    assert unit == START_CODE + sps + START_CODE + pps + START_CODE + b"\x65onetwothree"
    assert is_key


def test_an_idr_without_parameter_sets_is_no_key_frame() -> None:
    assert h264_access_unit([b"\x65idr"]) == (START_CODE + b"\x65idr", False)


def test_red_gives_its_newest_block() -> None:
    redundant = bytes([0x80 | 111, 0x00, 0x00, 0x03])
    assert red_primary(redundant + bytes([111]) + b"oldnew") == b"new"
    assert red_primary(bytes([111]) + b"new") == b"new"
