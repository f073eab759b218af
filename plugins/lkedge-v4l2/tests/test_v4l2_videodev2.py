"""Sizes, offsets and request numbers are those that a C compiler gives for <linux/videodev2.h> on 64 bit."""

from __future__ import annotations

import ctypes

import pytest
from lkedge_v4l2 import uvc_h264, videodev2_controls, videodev2_dv
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
    v4l2.Plane: 64,
    v4l2.PlanePixFormat: 20,
    v4l2.PixFormatMplane: 192,
    v4l2.Input: 80,
    videodev2_controls.QueryExtCtrl: 232,
    videodev2_controls.QueryMenu: 44,
    videodev2_controls.ExtControl: 20,
    videodev2_controls.ExtControls: 32,
    videodev2_dv.BtTimings: 124,
    videodev2_dv.DvTimings: 132,
    videodev2_dv.Edid: 40,
    videodev2_dv.Event: 136,
    videodev2_dv.EventSubscription: 32,
    videodev2_dv.BusFormat: 48,
    videodev2_dv.SubdevFormat: 88,
    uvc_h264.XuControlQuery: 16,
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
    "G_FMT": 0xC0D05604,
    "ENUMINPUT": 0xC050561A,
    "G_INPUT": 0x80045626,
}

FURTHER_REQUESTS = {
    videodev2_controls: {
        "QUERYMENU": 0xC02C5625,
        "G_EXT_CTRLS": 0xC0205647,
        "S_EXT_CTRLS": 0xC0205648,
        "QUERY_EXT_CTRL": 0xC0E85667,
    },
    videodev2_dv: {
        "G_EDID": 0xC0285628,
        "S_EDID": 0xC0285629,
        "S_DV_TIMINGS": 0xC0845657,
        "G_DV_TIMINGS": 0xC0845658,
        "DQEVENT": 0x80885659,
        "SUBSCRIBE_EVENT": 0x4020565A,
        "QUERY_DV_TIMINGS": 0x80845663,
        "SUBDEV_S_FMT": 0xC0585605,
    },
    uvc_h264: {"UVCIOC_CTRL_QUERY": 0xC0107521},
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
    (v4l2.Plane, "m", 8),
    (v4l2.Plane, "data_offset", 16),
    (v4l2.PixFormatMplane, "plane_fmt", 20),
    (v4l2.PixFormatMplane, "num_planes", 180),
    (v4l2.Input, "status", 56),
    (videodev2_controls.QueryExtCtrl, "minimum", 40),
    (videodev2_controls.QueryExtCtrl, "flags", 72),
    (videodev2_controls.ExtControl, "u", 12),
    (videodev2_controls.ExtControls, "controls", 24),
    (videodev2_dv.BtTimings, "pixelclock", 16),
    (videodev2_dv.BtTimings, "hfrontporch", 24),
    (videodev2_dv.BtTimings, "standards", 60),
    (videodev2_dv.DvTimings, "u", 4),
    (videodev2_dv.Edid, "edid", 32),
    (videodev2_dv.Event, "data", 8),
    (videodev2_dv.Event, "id", 96),
    (videodev2_dv.SubdevFormat, "format", 8),
    (uvc_h264.XuControlQuery, "size", 4),
    (uvc_h264.XuControlQuery, "data", 8),
]


@pytest.mark.parametrize("structure", SIZES, ids=lambda structure: structure.__name__)
def test_structures_have_the_size_of_the_kernels(structure: type[ctypes.Structure]) -> None:
    assert ctypes.sizeof(structure) == SIZES[structure]


@pytest.mark.parametrize("name", REQUESTS)
def test_request_numbers_are_the_kernels(name: str) -> None:
    assert getattr(v4l2, name) == REQUESTS[name]


@pytest.mark.parametrize(
    ("module", "name", "number"),
    [(module, name, number) for module, table in FURTHER_REQUESTS.items() for name, number in table.items()],
)
def test_further_request_numbers_are_the_kernels(module: object, name: str, number: int) -> None:
    assert getattr(module, name) == number


@pytest.mark.parametrize(("structure", "field", "offset"), OFFSETS)
def test_fields_lie_where_the_kernel_looks(structure: type[ctypes.Structure], field: str, offset: int) -> None:
    assert getattr(structure, field).offset == offset


def test_fourcc_survives_the_round_trip() -> None:
    assert v4l2.fourcc("YUYV") == 0x56595559
    assert v4l2.fourcc_text(v4l2.fourcc("MJPG")) == "MJPG"
