from __future__ import annotations

import pytest
from fake_codec import IDR, PPS, SLICE, SPS, START, annex_b, units
from lkedge_h264_v4l2m2m.coding import AccessUnit, FwhtStream, H264Stream, leading_units

from lkedge.errors import EncoderError

DELIMITER = b"\x09\x10"
IDR_PICTURE, P_PICTURE = IDR + b"abc", SLICE + b"abc"


def started() -> H264Stream:
    stream = H264Stream()
    stream.accept(annex_b([SPS, PPS]), is_flagged=False)
    return stream


def test_an_access_unit_with_its_headers_stays_as_it_is() -> None:
    data = annex_b([SPS, PPS, IDR_PICTURE])

    assert H264Stream().accept(data, is_flagged=True) == AccessUnit(data, True)


def test_headers_alone_are_no_picture() -> None:
    assert H264Stream().accept(annex_b([SPS, PPS]), is_flagged=True) is None


def test_headers_that_came_alone_stand_before_every_idr() -> None:
    stream = started()

    for _ in range(2):
        unit = stream.accept(START + IDR_PICTURE, is_flagged=True)
        assert unit is not None
        assert unit.is_key
        assert units(unit.data) == [SPS, PPS, IDR_PICTURE]


def test_newer_headers_replace_older_ones() -> None:
    stream = started()
    newer = SPS + b"\x01"
    stream.accept(annex_b([newer, PPS, IDR_PICTURE]), is_flagged=True)

    unit = stream.accept(START + IDR_PICTURE, is_flagged=True)

    assert unit is not None
    assert units(unit.data) == [newer, PPS, IDR_PICTURE]


def test_a_delimiter_stays_first() -> None:
    unit = started().accept(annex_b([DELIMITER, IDR_PICTURE]), is_flagged=True)

    assert unit is not None
    assert units(unit.data) == [DELIMITER, SPS, PPS, IDR_PICTURE]


def test_the_bits_decide_what_is_a_key_frame() -> None:
    data = START + P_PICTURE

    assert started().accept(data, is_flagged=True) == AccessUnit(data, False)


def test_a_key_frame_that_nobody_can_decode_is_an_error() -> None:
    with pytest.raises(EncoderError, match="without SPS and PPS"):
        H264Stream().accept(START + IDR_PICTURE, is_flagged=True)


@pytest.mark.parametrize("data", [b"", b"\0\0\1", b"noise without a start code"])
def test_noise_is_no_picture(data: bytes) -> None:
    assert H264Stream().accept(data, is_flagged=False) is None


def test_only_what_stands_before_the_picture_is_looked_at() -> None:
    assert [unit.type for unit in leading_units(annex_b([SPS, PPS, P_PICTURE, P_PICTURE]))] == [7, 8, 1]


@pytest.mark.parametrize(("flags", "is_key"), [(1 << 10, True), (0, False)])
def test_fwht_frames_tell_their_kind(flags: int, is_key: bool) -> None:
    data = bytes(20) + flags.to_bytes(4, "big") + bytes(20)

    assert FwhtStream().accept(data, is_flagged=False) == AccessUnit(data, is_key)
