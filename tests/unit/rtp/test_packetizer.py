import pytest

from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind, contents, split_evenly
from lkedge.terms import Ssrc


@pytest.mark.parametrize("length", [1, 9, 10, 11, 20, 21, 99, 1000])
def test_split_is_complete_small_enough_and_even(length: int) -> None:
    data = bytes(index & 0xFF for index in range(length + 3))

    payloads = split_evenly(b"p", 3, len(data), 10)

    chunks = [payload[1:] for payload in contents(data, payloads)]
    assert b"".join(chunks) == data[3:]
    assert max(map(len, chunks)) <= 10
    assert len(chunks) == -(-length // 10)


def test_split_sizes_differ_little() -> None:
    sizes = [stop - start for _, start, stop in split_evenly(b"", 0, 7000, 1176)]

    assert sizes == [1167] * 5 + [1165]


def test_nothing_gives_no_payload() -> None:
    assert split_evenly(b"", 5, 5, 10) == []


def test_group_knows_its_size() -> None:
    group = PacketGroup(Flow(Ssrc(1), PacketKind.VIDEO, media_ssrc=Ssrc(1)), [bytearray(3), bytearray(4)])

    assert (len(group), group.size, group.released) == (2, 7, 0)
