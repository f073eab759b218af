# lkedge: pure
"""What memory-to-memory encoders need of <linux/videodev2.h> beyond capture (lkedge_v4l2.videodev2).

Layouts are those of 64-bit Linux; the tests pin every size and request number.
Source: Linux 6.12, include/uapi/linux/videodev2.h and v4l2-controls.h.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int32, c_uint32

from lkedge_v4l2.videodev2 import read_write

BUF_TYPE_VIDEO_OUTPUT = 2
BUF_TYPE_VIDEO_OUTPUT_MPLANE = 10

MEMORY_DMABUF = 4

CAP_VIDEO_M2M_MPLANE = 0x4000
CAP_VIDEO_M2M = 0x8000

FIELD_NONE = 1
COLORSPACE_SMPTE170M = 1
COLORSPACE_REC709 = 3
QUANTIZATION_LIM_RANGE = 2
FMT_FLAG_COMPRESSED = 1

BUF_FLAG_KEYFRAME = 0x8
BUF_FLAG_TIMESTAMP_COPY = 0x4000
BUF_FLAG_LAST = 0x0010_0000

SEL_TGT_CROP = 0
SEL_TGT_COMPOSE = 0x100
ENC_CMD_START = 0
ENC_CMD_STOP = 1

CTRL_FLAG_DISABLED = 0x1
CTRL_FLAG_READ_ONLY = 0x4

CID_MIN_BUFFERS_FOR_OUTPUT = 0x0098_0928
CID_B_FRAMES = 0x0099_09CA
CID_GOP_SIZE = 0x0099_09CB
CID_BITRATE_MODE = 0x0099_09CE
CID_BITRATE = 0x0099_09CF
CID_FRAME_RC_ENABLE = 0x0099_09D7
CID_HEADER_MODE = 0x0099_09D8
CID_REPEAT_SEQ_HEADER = 0x0099_09E2
CID_FORCE_KEY_FRAME = 0x0099_09E5
CID_H264_I_PERIOD = 0x0099_0A66
CID_H264_LEVEL = 0x0099_0A67
CID_H264_PROFILE = 0x0099_0A6B
CID_PREPEND_SPSPPS_TO_IDR = 0x0099_0B84

BITRATE_MODE_CBR = 1
HEADER_MODE_JOINED_WITH_1ST_FRAME = 1
H264_PROFILE_BASELINE = 0
H264_PROFILE_CONSTRAINED_BASELINE = 1
H264_LEVEL_4_0 = 11


class ExportBuffer(ctypes.Structure):
    """struct v4l2_exportbuffer: a buffer of the driver as a DMABUF."""

    _fields_ = (
        ("type", c_uint32),
        ("index", c_uint32),
        ("plane", c_uint32),
        ("flags", c_uint32),
        ("fd", c_int32),
        ("reserved", c_uint32 * 11),
    )


class Rectangle(ctypes.Structure):
    _fields_ = (("left", c_int32), ("top", c_int32), ("width", c_uint32), ("height", c_uint32))


class Selection(ctypes.Structure):
    _fields_ = (
        ("type", c_uint32),
        ("target", c_uint32),
        ("flags", c_uint32),
        ("r", Rectangle),
        ("reserved", c_uint32 * 9),
    )


class EncoderCommand(ctypes.Structure):
    _fields_ = (("cmd", c_uint32), ("flags", c_uint32), ("raw", c_uint32 * 8))


class ControlValue(ctypes.Structure):
    """struct v4l2_control."""

    _fields_ = (("id", c_uint32), ("value", c_int32))


class ControlQuery(ctypes.Structure):
    """struct v4l2_queryctrl."""

    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int32),
        ("maximum", c_int32),
        ("step", c_int32),
        ("default_value", c_int32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 2),
    )


EXPBUF = read_write(16, ExportBuffer)
G_CTRL = read_write(27, ControlValue)
S_CTRL = read_write(28, ControlValue)
QUERYCTRL = read_write(36, ControlQuery)
ENCODER_CMD = read_write(77, EncoderCommand)
S_SELECTION = read_write(95, Selection)
