# lkedge: pure
"""The structures and numbers of <linux/media.h>. Source: Linux 6.12, include/uapi/linux/media.h."""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_uint16, c_uint32, c_uint64

from lkedge_v4l2.videodev2 import read_write

PAD_SINK = 1
PAD_SOURCE = 2
LINK_ENABLED = 1
LINK_IMMUTABLE = 2
LINK_TYPE = 0xF000_0000
LINK_OF_INTERFACE = 0x1000_0000
INTERFACE_VIDEO = 0x200
INTERFACE_SUBDEV = 0x203


class Entity(ctypes.Structure):
    _pack_ = 1
    _fields_ = (
        ("id", c_uint32),
        ("name", c_char * 64),
        ("function", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 5),
    )


class Interface(ctypes.Structure):
    """`node`: major and minor number of its device node."""

    _pack_ = 1
    _fields_ = (
        ("id", c_uint32),
        ("intf_type", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 9),
        ("node", c_uint32 * 16),
    )


class Pad(ctypes.Structure):
    _pack_ = 1
    _fields_ = (
        ("id", c_uint32),
        ("entity_id", c_uint32),
        ("flags", c_uint32),
        ("index", c_uint32),
        ("reserved", c_uint32 * 4),
    )


class Link(ctypes.Structure):
    _pack_ = 1
    _fields_ = (
        ("id", c_uint32),
        ("source_id", c_uint32),
        ("sink_id", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 6),
    )


class Topology(ctypes.Structure):
    """Numbers, and the addresses of arrays that the kernel fills."""

    _pack_ = 1
    _fields_ = (
        ("topology_version", c_uint64),
        ("num_entities", c_uint32),
        ("reserved1", c_uint32),
        ("ptr_entities", c_uint64),
        ("num_interfaces", c_uint32),
        ("reserved2", c_uint32),
        ("ptr_interfaces", c_uint64),
        ("num_pads", c_uint32),
        ("reserved3", c_uint32),
        ("ptr_pads", c_uint64),
        ("num_links", c_uint32),
        ("reserved4", c_uint32),
        ("ptr_links", c_uint64),
    )


class PadDescription(ctypes.Structure):
    _fields_ = (("entity", c_uint32), ("index", c_uint16), ("flags", c_uint32), ("reserved", c_uint32 * 2))


class LinkDescription(ctypes.Structure):
    _fields_ = (
        ("source", PadDescription),
        ("sink", PadDescription),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 2),
    )


SETUP_LINK = read_write(3, LinkDescription, "|")
G_TOPOLOGY = read_write(4, Topology, "|")
