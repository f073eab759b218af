"""Sizes, offsets and request numbers are those that a C compiler gives for <linux/videodev2.h> on 64 bit."""

from __future__ import annotations

import ctypes

import pytest
from lkedge_v4l2 import videodev2 as v4l2

SIZES = {
    v4l2.Capability: 104,
    v4l2.FormatDescription: 64,
    v4l2.FrameSizeEnum: 44,
    v4l2.FrameIntervalEnum: 52,
    v4l2.PixFormat: 48,
    v4l2.Format: 208,
    v4l2.StreamParm: 204,
    v4l2.RequestBuffers: 20,
    v4l2.Buffer: 88,
}

REQUESTS = {
    "QUERYCAP": 0x80685600,
    "ENUM_FMT": 0xC0405602,
    "S_FMT": 0xC0D05605,
    "REQBUFS": 0xC0145608,
    "QUERYBUF": 0xC0585609,
    "QBUF": 0xC058560F,
    "DQBUF": 0xC0585611,
    "STREAMON": 0x40045612,
    "STREAMOFF": 0x40045613,
    "S_PARM": 0xC0CC5616,
    "ENUM_FRAMESIZES": 0xC02C564A,
    "ENUM_FRAMEINTERVALS": 0xC034564B,
}

OFFSETS = [
    (v4l2.Buffer, "timestamp", 24),
    (v4l2.Buffer, "timecode", 40),
    (v4l2.Buffer, "sequence", 56),
    (v4l2.Buffer, "memory", 60),
    (v4l2.Buffer, "m", 64),
    (v4l2.Buffer, "length", 72),
    (v4l2.Format, "fmt", 8),
    (v4l2.FrameSizeEnum, "values", 12),
    (v4l2.FrameIntervalEnum, "values", 20),
    (v4l2.Capability, "device_caps", 88),
    (v4l2.StreamParm, "parm", 4),
    (v4l2.FormatDescription, "pixelformat", 44),
]


@pytest.mark.parametrize("structure", SIZES, ids=lambda structure: structure.__name__)
def test_structures_have_the_size_of_the_kernels(structure: type[ctypes.Structure]) -> None:
    assert ctypes.sizeof(structure) == SIZES[structure]


@pytest.mark.parametrize("name", REQUESTS)
def test_request_numbers_are_the_kernels(name: str) -> None:
    assert getattr(v4l2, name) == REQUESTS[name]


@pytest.mark.parametrize(("structure", "field", "offset"), OFFSETS)
def test_fields_lie_where_the_kernel_looks(structure: type[ctypes.Structure], field: str, offset: int) -> None:
    assert getattr(structure, field).offset == offset


def test_fourcc_survives_the_round_trip() -> None:
    assert v4l2.fourcc("YUYV") == 0x56595559
    assert v4l2.fourcc_text(v4l2.fourcc("MJPG")) == "MJPG"
