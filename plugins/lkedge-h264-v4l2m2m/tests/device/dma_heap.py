"""Pictures in DMABUF memory, as a camera has them."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from dataclasses import replace

from lkedge_h264_v4l2m2m.picture import Layout, copy

from lkedge.media.frame import Plane, VideoFrame

DMA_HEAP_ALLOC = 0xC0184800
"""DMA_HEAP_IOCTL_ALLOC of <linux/dma-heap.h>."""


class HeapPicture:
    """A copy of a picture. layout: how it lies there. The frame refers to the memory as long as it lives."""

    def __init__(self, picture: VideoFrame, layout: Layout) -> None:
        self.fd = _allocated(-(-layout.size // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._memory = mmap.mmap(self.fd, os.lseek(self.fd, 0, os.SEEK_END))
        copy(picture, layout, self._memory)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        planes = tuple(Plane(start + offset, stride) for offset, stride in layout.planes)
        self.frame = replace(picture, planes=planes, owner=self, dmabuf=self.fd)


def _allocated(size: int) -> int:
    request = bytearray(24)
    request[:8] = size.to_bytes(8, "little")
    request[12:16] = (os.O_RDWR | os.O_CLOEXEC).to_bytes(4, "little")
    heap = os.open("/dev/dma_heap/system", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(heap, DMA_HEAP_ALLOC, request, True)
    finally:
        os.close(heap)
    return int.from_bytes(request[8:12], "little")
