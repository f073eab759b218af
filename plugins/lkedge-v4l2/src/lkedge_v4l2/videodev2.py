# lkedge: pure
"""The structures and numbers of <linux/videodev2.h> that capture needs.

Layouts are those of 64-bit Linux; the tests pin every size and request number.
Source: Linux 6.12, include/uapi/linux/videodev2.h.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int32, c_long, c_uint8, c_uint16, c_uint32, c_uint64, c_ulong

BUF_TYPE_VIDEO_CAPTURE = 1
BUF_TYPE_VIDEO_CAPTURE_MPLANE = 9
FIELD_ANY = 0
MEMORY_MMAP = 1

CAP_VIDEO_CAPTURE = 0x0000_0001
CAP_VIDEO_CAPTURE_MPLANE = 0x0000_1000
CAP_STREAMING = 0x0400_0000
CAP_IO_MC = 0x2000_0000
CAP_DEVICE_CAPS = 0x8000_0000
CAP_TIMEPERFRAME = 0x1000

FRMSIZE_TYPE_DISCRETE = 1
FRMIVAL_TYPE_DISCRETE = 1

BUF_FLAG_ERROR = 0x40
BUF_FLAG_TIMESTAMP_MASK = 0xE000
BUF_FLAG_TIMESTAMP_MONOTONIC = 0x2000


def fourcc(code: str) -> int:
    """ "YUYV" as the number that the kernel uses."""
    return int.from_bytes(code.encode("ascii"), "little")


def fourcc_text(number: int) -> str:
    """The four characters of a pixel format; the top bit means big-endian and is left out."""
    return (number & 0x7FFF_FFFF).to_bytes(4, "little").decode("ascii", "replace")


class Capability(ctypes.Structure):
    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FormatDescription(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class Fraction(ctypes.Structure):
    _fields_ = (("numerator", c_uint32), ("denominator", c_uint32))


class FrameSizeEnum(ctypes.Structure):
    """`values`: width, height when discrete; else min_width, max_width, step_width, and the same of height."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("values", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


class FrameIntervalEnum(ctypes.Structure):
    """`values`: the interval when discrete; else the shortest, the longest and the step."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("values", Fraction * 3),
        ("reserved", c_uint32 * 2),
    )


class PixFormat(ctypes.Structure):
    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("bytesperline", c_uint32),
        ("sizeimage", c_uint32),
        ("colorspace", c_uint32),
        ("priv", c_uint32),
        ("flags", c_uint32),
        ("ycbcr_enc", c_uint32),
        ("quantization", c_uint32),
        ("xfer_func", c_uint32),
    )


class PlanePixFormat(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("sizeimage", c_uint32), ("bytesperline", c_uint32), ("reserved", c_uint16 * 6))


class PixFormatMplane(ctypes.Structure):
    _pack_ = 1
    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("colorspace", c_uint32),
        ("plane_fmt", PlanePixFormat * 8),
        ("num_planes", c_uint8),
        ("flags", c_uint8),
        ("ycbcr_enc", c_uint8),
        ("quantization", c_uint8),
        ("xfer_func", c_uint8),
        ("reserved", c_uint8 * 7),
    )


class _FormatUnion(ctypes.Union):
    # The union holds a pointer (v4l2_window), so it is aligned to 8.
    _fields_ = (("pix", PixFormat), ("pix_mp", PixFormatMplane), ("raw", c_uint8 * 200), ("_align", c_ulong))


class Format(ctypes.Structure):
    _fields_ = (("type", c_uint32), ("fmt", _FormatUnion))


class CaptureParm(ctypes.Structure):
    _fields_ = (
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("timeperframe", Fraction),
        ("extendedmode", c_uint32),
        ("readbuffers", c_uint32),
        ("reserved", c_uint32 * 4),
    )


class _ParmUnion(ctypes.Union):
    _fields_ = (("capture", CaptureParm), ("raw", c_uint8 * 200))


class StreamParm(ctypes.Structure):
    _fields_ = (("type", c_uint32), ("parm", _ParmUnion))


class RequestBuffers(ctypes.Structure):
    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", c_long), ("tv_usec", c_long))


class _PlaneUnion(ctypes.Union):
    _fields_ = (("mem_offset", c_uint32), ("userptr", c_ulong), ("fd", c_int32))


class Plane(ctypes.Structure):
    _fields_ = (
        ("bytesused", c_uint32),
        ("length", c_uint32),
        ("m", _PlaneUnion),
        ("data_offset", c_uint32),
        ("reserved", c_uint32 * 11),
    )


class _BufferUnion(ctypes.Union):
    """`planes`: address of an array of Plane, for multi-planar buffers."""

    _fields_ = (("offset", c_uint32), ("userptr", c_ulong), ("planes", c_ulong), ("fd", c_int32))


class Buffer(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("timestamp", Timeval),
        ("timecode", c_uint32 * 4),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("m", _BufferUnion),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int32),
    )


class Input(ctypes.Structure):
    """`status`: of IN_ST_*, what is wrong with the signal."""

    _fields_ = (
        ("index", c_uint32),
        ("name", c_char * 32),
        ("type", c_uint32),
        ("audioset", c_uint32),
        ("tuner", c_uint32),
        ("std", c_uint64),
        ("status", c_uint32),
        ("capabilities", c_uint32),
        ("reserved", c_uint32 * 3),
    )


IN_ST_NO_POWER = 0x1
IN_ST_NO_SIGNAL = 0x2
IN_ST_NO_H_LOCK = 0x100


def request(direction: int, number: int, size: int, kind: str = "V") -> int:
    """_IOC of <asm-generic/ioctl.h>; 1 is write, 2 is read."""
    return direction << 30 | size << 16 | ord(kind) << 8 | number


def read(number: int, structure: type[ctypes.Structure]) -> int:
    """_IOR."""
    return request(2, number, ctypes.sizeof(structure))


def read_write(number: int, structure: type[ctypes.Structure], kind: str = "V") -> int:
    """_IOWR."""
    return request(3, number, ctypes.sizeof(structure), kind)


QUERYCAP = read(0, Capability)
ENUM_FMT = read_write(2, FormatDescription)
G_FMT = read_write(4, Format)
S_FMT = read_write(5, Format)
REQBUFS = read_write(8, RequestBuffers)
QUERYBUF = read_write(9, Buffer)
QBUF = read_write(15, Buffer)
DQBUF = read_write(17, Buffer)
STREAMON = request(1, 18, ctypes.sizeof(c_int32))
STREAMOFF = request(1, 19, ctypes.sizeof(c_int32))
S_PARM = read_write(22, StreamParm)
ENUMINPUT = read_write(26, Input)
G_INPUT = request(2, 38, ctypes.sizeof(c_int32))
ENUM_FRAMESIZES = read_write(74, FrameSizeEnum)
ENUM_FRAMEINTERVALS = read_write(75, FrameIntervalEnum)
