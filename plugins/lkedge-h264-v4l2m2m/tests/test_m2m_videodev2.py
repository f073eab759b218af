"""Sizes, offsets, numbers: those that a C compiler gives for <linux/videodev2.h> on 64 bit."""

from __future__ import annotations

import ctypes

import pytest
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_v4l2 import videodev2 as v4l2

SIZES = {
    v4l2.PlanePixFormat: 20,
    v4l2.PixFormatMplane: 192,
    v4l2.Plane: 64,
    m2m.Selection: 64,
    m2m.EncoderCommand: 40,
    m2m.ControlValue: 8,
    m2m.ControlQuery: 68,
}

OFFSETS = [
    (v4l2.PixFormatMplane, "plane_fmt", 20),
    (v4l2.PixFormatMplane, "num_planes", 180),
    (v4l2.Plane, "m", 8),
    (v4l2.Plane, "data_offset", 16),
    (m2m.Selection, "r", 12),
    (m2m.ControlQuery, "minimum", 40),
    (m2m.ControlQuery, "flags", 56),
]

REQUESTS = {
    "G_CTRL": 0xC008561B,
    "S_CTRL": 0xC008561C,
    "QUERYCTRL": 0xC0445624,
    "ENCODER_CMD": 0xC028564D,
    "S_SELECTION": 0xC040565F,
}


@pytest.mark.parametrize("structure", SIZES, ids=lambda structure: structure.__name__)
def test_structures_have_the_size_of_the_kernels(structure: type[ctypes.Structure]) -> None:
    assert ctypes.sizeof(structure) == SIZES[structure]


@pytest.mark.parametrize(("structure", "field", "offset"), OFFSETS)
def test_fields_lie_where_the_kernel_looks(structure: type[ctypes.Structure], field: str, offset: int) -> None:
    assert getattr(structure, field).offset == offset


@pytest.mark.parametrize("name", REQUESTS)
def test_request_numbers_are_the_kernels(name: str) -> None:
    assert getattr(m2m, name) == REQUESTS[name]
