"""A picture that looks the same in every size, to try devices with."""

from __future__ import annotations

import ctypes

from lkedge.media.frame import Plane, VideoFrame
from lkedge_h264_v4l2m2m.picture import Layout, row_bytes, row_counts

DARKEST, RISE = 32, 90
"""The rise is that from left to right, and that from top to bottom."""


def gradient(width: int, height: int, fourcc: str, pixel_format: str, captured_ns: int = 1) -> VideoFrame:
    """Every plane grows brighter to the right and downwards, so it looks the same in every size."""
    stride = row_bytes(width, pixel_format)[0]
    layout = Layout(fourcc, width, height, stride, height)
    widths, rows = row_bytes(width, pixel_format), row_counts(height, len(layout.planes))
    content = b"".join(_plane(columns, count) for columns, count in zip(widths, rows, strict=True))
    memory = ctypes.create_string_buffer(content, len(content))
    planes = tuple(Plane(ctypes.addressof(memory) + offset, each) for offset, each in layout.planes)
    return VideoFrame(width, height, pixel_format, planes, captured_ns, memory)


def _plane(columns: int, rows: int) -> bytes:
    """Many rows are the same: few are made."""
    rises = [y * RISE // rows for y in range(rows)]
    made = {rise: bytes(DARKEST + rise + x * RISE // columns for x in range(columns)) for rise in set(rises)}
    return b"".join(made[rise] for rise in rises)


def difference(frame: VideoFrame) -> int:
    """The largest, of some samples all over the planes of what was a gradient."""
    widths = row_bytes(frame.width, frame.pixel_format)
    rows = row_counts(frame.height, len(frame.planes))
    return max(
        abs(ctypes.c_uint8.from_address(plane.pointer + y * plane.stride + x).value - _value(x, y, columns, count))
        for plane, columns, count in zip(frame.planes, widths, rows, strict=True)
        for y in range(0, count, count // 6)
        for x in range(0, columns, columns // 10)
    )


def _value(x: int, y: int, columns: int, rows: int) -> int:
    return DARKEST + x * RISE // columns + y * RISE // rows
