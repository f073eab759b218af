"""How a picture lies in the driver's buffer, copying it there, and whether it can go without a copy."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lkedge.media.frame import Plane, VideoFrame
from lkedge_h264_v4l2m2m.queue import QueueFormat

PACKED_BYTES = {"YUYV": 2, "RGB3": 3}
"""Bytes per pixel of the formats that have one plane."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Contiguous planes, as V4L2 defines YU12 and NV12: the chroma follows the last coded row of luma.

    fourcc: "YU12", "NV12", or one of PACKED_BYTES. stride: bytes per row of the first plane. rows: coded rows of it.
    """

    fourcc: str
    width: int
    height: int
    stride: int
    rows: int

    @property
    def size(self) -> int:
        """Bytes of the whole picture."""
        luma = self.stride * self.rows
        return luma if self.fourcc in PACKED_BYTES else luma * 3 // 2

    @property
    def planes(self) -> tuple[tuple[int, int], ...]:
        """Offset and stride of each plane."""
        luma = self.stride * self.rows
        if self.fourcc in PACKED_BYTES:
            return ((0, self.stride),)
        if self.fourcc == "NV12":
            return (0, self.stride), (luma, self.stride)
        chroma = self.stride // 2
        return (0, self.stride), (luma, chroma), (luma + chroma * (self.rows // 2), chroma)


def layout_of(agreed: QueueFormat, width: int, height: int) -> Layout:
    """agreed: what the driver made of the format. width, height: of the visible picture."""
    least = agreed.width * PACKED_BYTES.get(agreed.fourcc, 1)
    return Layout(agreed.fourcc, width, height, max(agreed.stride, least), agreed.height)


def can_import(frame: VideoFrame, layout: Layout, size: int) -> bool:
    """Whether the memory behind `frame.dmabuf` lies as the driver wants it.

    size: what the driver calls the size of a picture; a smaller buffer would be refused.
    """
    if frame.dmabuf < 0 or len(frame.planes) != len(layout.planes):
        return False
    start = frame.planes[0].pointer
    fits = all(
        (plane.pointer - start, plane.stride) == expected
        for plane, expected in zip(frame.planes, layout.planes, strict=True)
    )
    return fits and dmabuf_size(frame.dmabuf) >= size


def dmabuf_size(fd: int) -> int:
    """Bytes behind a descriptor; 0 when it is none."""
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    except OSError:
        return 0


def copy(frame: VideoFrame, layout: Layout, memory: Any) -> None:
    """The picture into mapped memory: the only copy on its way to the encoder."""
    with address_of(memory) as target:
        if frame.pixel_format == "yuv420p" and layout.fourcc == "NV12":
            _interleave(frame, layout, memory, target)
            return
        heights = row_counts(layout.height, len(frame.planes))
        widths = row_bytes(frame.width, frame.pixel_format)
        for plane, (offset, stride), width, height in zip(frame.planes, layout.planes, widths, heights, strict=True):
            _copy_rows(plane, target + offset, stride, width, height)


def row_bytes(width: int, pixel_format: str) -> tuple[int, ...]:
    """What is visible of a row, in each plane. pixel_format: FFmpeg's name."""
    packed = {"yuyv422": 2 * width, "rgb24": 3 * width}
    if pixel_format in packed:
        return (packed[pixel_format],)
    return (width, width // 2, width // 2) if pixel_format == "yuv420p" else (width, width)


def row_counts(height: int, planes: int) -> tuple[int, ...]:
    """The rows of each plane."""
    return (height, *[height // 2] * (planes - 1))


def _copy_rows(plane: Plane, target: int, stride: int, width: int, height: int) -> None:
    if plane.stride == stride:
        # Not the padding of the last row: it may lie outside of the picture's memory.
        ctypes.memmove(target, plane.pointer, stride * (height - 1) + width)
        return
    for row in range(height):
        ctypes.memmove(target + row * stride, plane.pointer + row * plane.stride, width)


def _interleave(frame: VideoFrame, layout: Layout, memory: Any, target: int) -> None:
    """I420 for a driver that takes NV12 only. Slices with a step are copied in C."""
    (_, luma_stride), (offset, stride) = layout.planes
    _copy_rows(frame.planes[0], target, luma_stride, frame.width, frame.height)
    half = frame.width // 2
    with memoryview(memory) as view:
        for row in range(frame.height // 2):
            begin = offset + row * stride
            for column, plane in enumerate(frame.planes[1:]):
                samples = ctypes.string_at(plane.pointer + row * plane.stride, half)
                view[begin + column : begin + 2 * half : 2] = samples


@contextlib.contextmanager
def address_of(memory: Any) -> Iterator[int]:
    """Where mapped memory lies. It cannot be unmapped while somebody holds a view of it."""
    anchor = ctypes.c_char.from_buffer(memory)
    try:
        yield ctypes.addressof(anchor)
    finally:
        del anchor
