"""What is found out about H.264, on streams of libx264."""

from __future__ import annotations

import pytest
from h264_clip import h264_clip
from lkedge_v4l2.h264 import AccessUnits, nal_units, sps_obstacle
from lkedge_v4l2.uvc_h264 import H264_UNIT_GUID, h264_unit


def kinds(data: bytes) -> list[int]:
    return [unit[0] & 0x1F for unit in nal_units(data)]


def sps_of(data: bytes) -> bytes:
    return next(unit for unit in nal_units(data) if unit[0] & 0x1F == 7)


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_usual_profiles_may_pass(profile: str) -> None:
    units = AccessUnits()
    taken = [units.take(data) for data in h264_clip(5, profile=profile)]

    assert [unit is not None and unit.is_key for unit in taken] == [True, False, False, False, False]
    assert units.obstacle == ""


def test_parameter_sets_are_put_before_a_key_frame_without() -> None:
    first, _, _, second, *_ = h264_clip(6, gop=3)
    assert kinds(second)[0] in (7, 9)
    bare = b"".join(b"\0\0\0\1" + unit for unit in nal_units(second) if unit[0] & 0x1F == 5)
    units = AccessUnits()
    units.take(first)

    unit = units.take(bare)

    assert unit is not None
    assert unit.is_key
    assert kinds(unit.data) == [7, 8, 5]


def test_nothing_passes_before_the_parameter_sets_are_known() -> None:
    _, second, *_ = h264_clip(3)
    assert AccessUnits().take(second) is None
    assert AccessUnits().take(b"garbage") is None


def test_b_frames_are_an_obstacle() -> None:
    units = AccessUnits()
    for data in h264_clip(12, profile="main", b_frames=2):
        units.take(data)

    assert units.obstacle == "it has B-frames"


def test_other_pixel_formats_are_an_obstacle() -> None:
    (first, *_) = h264_clip(2, profile="high422", pixel_format="yuv422p")
    assert sps_obstacle(sps_of(first)) == "its profile 122 is not Baseline, Main, High"


def test_interlaced_is_an_obstacle() -> None:
    (first, *_) = h264_clip(2, profile="main", options={"x264-params": "tff=1"})
    assert sps_obstacle(sps_of(first)) == "it is interlaced"


def test_a_cut_off_parameter_set_is_an_obstacle() -> None:
    (first, *_) = h264_clip(1)
    assert sps_obstacle(sps_of(first)[:5]) == "its sequence parameter set is cut off"


def test_the_extension_unit_is_found_among_the_descriptors() -> None:
    device = bytes([18, 1]) + bytes(16)
    other = bytes([26, 0x24, 6, 4]) + bytes(22)
    unit = bytes([26, 0x24, 6, 10]) + H264_UNIT_GUID + bytes(6)

    assert h264_unit(device + other + unit) == 10
    assert h264_unit(device + other) is None
    assert h264_unit(b"\0\0\0\0") is None
    assert h264_unit(b"") is None
