# lkedge: pure
"""The structures and numbers of <linux/videodev2.h> for digital video inputs: timings, EDID, events."""

from __future__ import annotations

import ctypes
from ctypes import c_long, c_uint8, c_uint16, c_uint32, c_uint64, c_ulong

from lkedge_v4l2.videodev2 import Fraction, read, read_write, request

DV_BT_656_1120 = 0
EVENT_SOURCE_CHANGE = 5


class BtTimings(ctypes.Structure):
    """Sizes in pixels and lines; `pixelclock` in Hz."""

    _pack_ = 1
    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("interlaced", c_uint32),
        ("polarities", c_uint32),
        ("pixelclock", c_uint64),
        ("hfrontporch", c_uint32),
        ("hsync", c_uint32),
        ("hbackporch", c_uint32),
        ("vfrontporch", c_uint32),
        ("vsync", c_uint32),
        ("vbackporch", c_uint32),
        ("il_vfrontporch", c_uint32),
        ("il_vsync", c_uint32),
        ("il_vbackporch", c_uint32),
        ("standards", c_uint32),
        ("flags", c_uint32),
        ("picture_aspect", Fraction),
        ("cea861_vic", c_uint8),
        ("hdmi_vic", c_uint8),
        ("reserved", c_uint8 * 46),
    )


class _TimingsUnion(ctypes.Union):
    _pack_ = 1
    _fields_ = (("bt", BtTimings), ("reserved", c_uint32 * 32))


class DvTimings(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("type", c_uint32), ("u", _TimingsUnion))


class Edid(ctypes.Structure):
    """`edid`: address of `blocks` times 128 bytes."""

    _fields_ = (
        ("pad", c_uint32),
        ("start_block", c_uint32),
        ("blocks", c_uint32),
        ("reserved", c_uint32 * 5),
        ("edid", c_ulong),
    )


class EventSubscription(ctypes.Structure):
    _fields_ = (("type", c_uint32), ("id", c_uint32), ("flags", c_uint32), ("reserved", c_uint32 * 5))


class Event(ctypes.Structure):
    _fields_ = (
        ("type", c_uint32),
        ("data", c_uint64 * 8),
        ("pending", c_uint32),
        ("sequence", c_uint32),
        ("timestamp", c_long * 2),
        ("id", c_uint32),
        ("reserved", c_uint32 * 8),
    )


class BusFormat(ctypes.Structure):
    """What crosses a pad of a subdevice; `code` of MEDIA_BUS_FMT_*."""

    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("code", c_uint32),
        ("field", c_uint32),
        ("colorspace", c_uint32),
        ("ycbcr_enc", c_uint16),
        ("quantization", c_uint16),
        ("xfer_func", c_uint16),
        ("flags", c_uint16),
        ("reserved", c_uint16 * 10),
    )


class SubdevFormat(ctypes.Structure):
    """`which` 1: the active format."""

    _fields_ = (
        ("which", c_uint32),
        ("pad", c_uint32),
        ("format", BusFormat),
        ("stream", c_uint32),
        ("reserved", c_uint32 * 7),
    )


SUBDEV_G_FMT = read_write(4, SubdevFormat)
SUBDEV_S_FMT = read_write(5, SubdevFormat)
G_EDID = read_write(40, Edid)
S_EDID = read_write(41, Edid)
S_DV_TIMINGS = read_write(87, DvTimings)
G_DV_TIMINGS = read_write(88, DvTimings)
DQEVENT = read(89, Event)
SUBSCRIBE_EVENT = request(1, 90, ctypes.sizeof(EventSubscription))
QUERY_DV_TIMINGS = read(99, DvTimings)
