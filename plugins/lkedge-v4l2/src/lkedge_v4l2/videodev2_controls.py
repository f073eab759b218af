# lkedge: pure
"""The structures and numbers of <linux/videodev2.h> and <linux/v4l2-controls.h> for controls."""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_ulong

from lkedge_v4l2.videodev2 import read_write

TYPE_INTEGER = 1
TYPE_BOOLEAN = 2
TYPE_MENU = 3
TYPE_BUTTON = 4
TYPE_INTEGER64 = 5
TYPE_CLASS = 6
TYPE_STRING = 7
TYPE_BITMASK = 8
TYPE_INTEGER_MENU = 9

FLAG_DISABLED = 0x0001
FLAG_GRABBED = 0x0002
FLAG_READ_ONLY = 0x0004
FLAG_INACTIVE = 0x0010
FLAG_WRITE_ONLY = 0x0040
FLAG_NEXT = 0x8000_0000

CID_FORCE_KEY_FRAME = 0x0099_09E5
CID_DV_RX_POWER_PRESENT = 0x00A0_0964


class QueryExtCtrl(ctypes.Structure):
    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int64),
        ("maximum", c_int64),
        ("step", c_uint64),
        ("default_value", c_int64),
        ("flags", c_uint32),
        ("elem_size", c_uint32),
        ("elems", c_uint32),
        ("nr_of_dims", c_uint32),
        ("dims", c_uint32 * 4),
        ("reserved", c_uint32 * 32),
    )


class QueryMenu(ctypes.Structure):
    """`name`: 32 bytes; of an integer menu its first 8 are the value."""

    _pack_ = 1
    _fields_ = (("id", c_uint32), ("index", c_uint32), ("name", c_uint8 * 32), ("reserved", c_uint32))


class _ControlUnion(ctypes.Union):
    _pack_ = 1
    _fields_ = (("value", c_int32), ("value64", c_int64), ("pointer", c_ulong))


class ExtControl(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("id", c_uint32), ("size", c_uint32), ("reserved2", c_uint32), ("u", _ControlUnion))


class ExtControls(ctypes.Structure):
    """`which` 0: the present values, of controls of any class. `controls`: address of an array of ExtControl."""

    _fields_ = (
        ("which", c_uint32),
        ("count", c_uint32),
        ("error_idx", c_uint32),
        ("request_fd", c_int32),
        ("reserved", c_uint32),
        ("controls", c_ulong),
    )


QUERYMENU = read_write(37, QueryMenu)
G_EXT_CTRLS = read_write(71, ExtControls)
S_EXT_CTRLS = read_write(72, ExtControls)
QUERY_EXT_CTRL = read_write(103, QueryExtCtrl)
