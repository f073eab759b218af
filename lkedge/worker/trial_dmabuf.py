"""A picture in memory that hardware can import, to see whether an encoder really does.

The picture is in the DMABUF only; the planes that a copying encoder reads are grey. So what
comes out tells which way it went in.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct

from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame
from lkedge.worker.trial_picture import ALIGNMENT, captured_ns, luma

HEAPS = ("vidbuf_cached", "linux,cma", "reserved", "default_cma_region", "system")
"""Below /dev/dma_heap: contiguous memory first, which is all that the Raspberry Pi's codec can read."""

DMA_HEAP_IOCTL_ALLOC = 0xC0184800
ALLOCATION = struct.Struct("=QIIQ")
"""struct dma_heap_allocation_data: length, descriptor, its flags, flags of the heap (<linux/dma-heap.h>)."""


class DmabufPicture:
    """As MovingPicture, but it stands still. Raises EncoderError when there is no memory of that kind."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._stride = -(-width // ALIGNMENT) * ALIGNMENT
        self._content = luma(self._stride, height) + b"\x80" * (self._stride // 2 * height)
        self._grey = ctypes.create_string_buffer(b"\x80" * len(self._content), len(self._content))
        self._fd = _allocate(len(self._content))
        with mmap.mmap(self._fd, len(self._content)) as memory:
            memory[:] = self._content

    def at(self, index: int, framerate: float) -> VideoFrame:
        start, half, luma_size = ctypes.addressof(self._grey), self._stride // 2, self._stride * self.height
        planes = (
            Plane(start, self._stride),
            Plane(start + luma_size, half),
            Plane(start + luma_size + half * (self.height // 2), half),
        )
        taken_ns = captured_ns(index, framerate)
        return VideoFrame(self.width, self.height, "yuv420p", planes, taken_ns, self, dmabuf=self._fd)

    def row(self, index: int, number: int) -> bytes:
        """Of the picture in the DMABUF."""
        start = number * self._stride
        return self._content[start : start + self.width]


def _allocate(length: int) -> int:
    """A descriptor of so many bytes, of the first heap that gives them; it lives as long as the process."""
    problems = []
    for heap in HEAPS:
        path = f"/dev/dma_heap/{heap}"
        try:
            return _allocate_from(path, length)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
    raise EncoderError(f"no DMA heap gives memory: {'; '.join(problems) or 'there is none in /dev/dma_heap'}")


def _allocate_from(path: str, length: int) -> int:
    heap = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        flags = os.O_RDWR | os.O_CLOEXEC
        answer = fcntl.ioctl(heap, DMA_HEAP_IOCTL_ALLOC, ALLOCATION.pack(length, 0, flags, 0))
        return int(ALLOCATION.unpack(answer)[1])
    finally:
        os.close(heap)
