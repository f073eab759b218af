"""The queue through which pictures come out of a device: each buffer is lent out as a picture, mapped and as DMABUF."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from typing import Any, NamedTuple

from lkedge.media.frame import Plane, VideoFrame
from lkedge_h264_v4l2m2m.picture import Layout
from lkedge_h264_v4l2m2m.picture_queue import IMPORTED_PICTURES
from lkedge_h264_v4l2m2m.queue import BufferQueue, Dequeued

SCALED_PICTURES = IMPORTED_PICTURES
"""As many as an encoder has places for, so that it can hold all of its places and there still is none to wait for."""


class Shape(NamedTuple):
    """What is the same of all pictures that come out. pixel_format: FFmpeg's name."""

    layout: Layout
    pixel_format: str


class ScaledQueue(BufferQueue):
    """A CAPTURE queue; used by one thread, only pictures may be dropped by others. All errors are OSError."""

    def lend_from(self, shape: Shape) -> None:
        """Allocate the buffers, and queue them all."""
        self._shape = shape
        self._returned: deque[int] = deque()
        """Of pictures that nobody holds any more."""
        count = self.allocate(SCALED_PICTURES)
        self._buffers = [_Buffer(self.memory[index], self._exported(index)) for index in range(count)]
        for index in range(count):
            self.queue(index)

    def take_back(self) -> None:
        """Give the driver what was lent out and has come back."""
        while self._returned:
            self.queue(self._returned.popleft())

    def lend(self, done: Dequeued, captured_ns: int) -> VideoFrame:
        """A finished buffer as a picture; it comes back when nobody holds that any more."""
        layout, buffer = self._shape.layout, self._buffers[done.index]
        start = buffer.address + done.offset
        planes = tuple(Plane(start + offset, stride) for offset, stride in layout.planes)
        owner = _Loan(buffer, done.index, self._returned)
        dmabuf = -1 if done.offset else buffer.dmabuf
        format_ = self._shape.pixel_format
        return VideoFrame(layout.width, layout.height, format_, planes, captured_ns, owner, dmabuf=dmabuf)

    def release(self) -> None:
        """As BufferQueue; what is lent out stays readable."""
        self._buffers = []
        super().release()

    def _exported(self, index: int) -> int:
        """-1 when the driver cannot: then pictures are copied on."""
        try:
            return self.export(index)
        except OSError:
            return -1


class _Buffer:
    """Memory of the driver, mapped and exported until the last picture in it is gone."""

    def __init__(self, memory: Any, dmabuf: int) -> None:
        self._anchor = ctypes.c_char.from_buffer(memory)
        self.address = ctypes.addressof(self._anchor)
        self.dmabuf = dmabuf

    def __del__(self) -> None:
        if self.dmabuf >= 0:
            os.close(self.dmabuf)


class _Loan:
    """Of one picture."""

    __slots__ = ("_buffer", "_index", "_returned")

    def __init__(self, buffer: _Buffer, index: int, returned: deque[int]) -> None:
        self._buffer, self._index, self._returned = buffer, index, returned

    def __del__(self) -> None:
        self._returned.append(self._index)
