# lkedge: pure
"""The extension unit of UVC cameras with H.264, for asking for a key frame.

Source: USB Device Class Definition for Video Devices, H.264 Payload 1.0, sections 3.3 and 3.3.9;
<linux/uvcvideo.h>.
"""

from __future__ import annotations

import ctypes
import struct
from ctypes import c_uint8, c_uint16, c_ulong

from lkedge_v4l2.videodev2 import read_write

H264_UNIT_GUID = bytes.fromhex("41769ea204dee3478b2bf4341aff003b")
"""A29E7641-DE04-47E3-8B2B-F4341AFF003B, as it lies in the descriptor."""

PICTURE_TYPE_CONTROL = 0x09
IDR_WITH_PARAMETER_SETS = 2
UVC_SET_CUR = 0x01

_CS_INTERFACE = 0x24
_VC_EXTENSION_UNIT = 0x06


class XuControlQuery(ctypes.Structure):
    """`data`: address of `size` bytes."""

    _fields_ = (("unit", c_uint8), ("selector", c_uint8), ("query", c_uint8), ("size", c_uint16), ("data", c_ulong))


UVCIOC_CTRL_QUERY = read_write(0x21, XuControlQuery, "u")


def h264_unit(descriptors: bytes) -> int | None:
    """The number of the H.264 extension unit in the descriptors of a USB device; None when there is none."""
    position = 0
    while position + 2 < len(descriptors):
        length, kind, subtype = descriptors[position : position + 3]
        body = descriptors[position : position + length]
        if kind == _CS_INTERFACE and subtype == _VC_EXTENSION_UNIT and body[4:20] == H264_UNIT_GUID:
            return body[3]
        if length < 2:
            return None
        position += length
    return None


def key_frame_request() -> bytes:
    """The payload of PICTURE_TYPE_CONTROL: an IDR with parameter sets, of all layers."""
    return struct.pack("<HH", 0, IDR_WITH_PARAMETER_SETS)
