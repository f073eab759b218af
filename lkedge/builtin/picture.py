"""Pictures in memory: I420 buffers from a pool, and the two ways to and from PyAV.

A pooled buffer goes back to its pool when the last VideoFrame that shows it is dropped, so
it is never written while somebody may still look at it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lkedge.media.frame import Plane, VideoFrame

if TYPE_CHECKING:
    import av

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register that a codec reads with."""

SPARE_BYTES = 64
"""After the last row: vector code may read, never use, that much more."""

POOL_SIZE = 4
"""Free buffers that a pool keeps; more are made when more are held, and then released."""


def align(value: int) -> int:
    return -(-value // ALIGNMENT) * ALIGNMENT


class _Buffer:
    """The memory of one picture. With a pool, it hands the memory back when dropped."""

    __slots__ = ("_memory", "_pool", "pointer")

    def __init__(self, memory: ctypes.Array[ctypes.c_ubyte], pool: I420Pool | None) -> None:
        self._memory = memory
        self._pool = pool
        self.pointer = align(ctypes.addressof(memory))

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # At exit the module's names are gone before its objects are.
        if self._pool is not None and not is_finalizing():
            self._pool.give_back(self._memory)


class I420Pool:
    """Buffers for I420 pictures of one size. For one thread, save that a picture may be
    dropped in any."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._strides = (align(width), align((width + 1) // 2))
        self._bytes = self._strides[0] * height + 2 * self._strides[1] * ((height + 1) // 2)
        self._free: list[ctypes.Array[ctypes.c_ubyte]] = []

    def take(self, captured_ns: int) -> VideoFrame:
        """A picture whose content is undefined: fill it before handing it on."""
        memory = self._free.pop() if self._free else self._allocate()
        return self._frame(_Buffer(memory, self), captured_ns)

    def give_back(self, memory: ctypes.Array[ctypes.c_ubyte]) -> None:
        """Called when the picture in this memory was dropped. `list` does the locking."""
        if len(self._free) < POOL_SIZE:
            self._free.append(memory)

    def _allocate(self) -> ctypes.Array[ctypes.c_ubyte]:
        return (ctypes.c_ubyte * (self._bytes + ALIGNMENT + SPARE_BYTES))()

    def _frame(self, buffer: _Buffer, captured_ns: int) -> VideoFrame:
        luma, chroma = self._strides
        u = buffer.pointer + luma * self.height
        v = u + chroma * ((self.height + 1) // 2)
        planes = (Plane(buffer.pointer, luma), Plane(u, chroma), Plane(v, chroma))
        return VideoFrame(self.width, self.height, "yuv420p", planes, captured_ns, buffer)


def allocate_i420(width: int, height: int, captured_ns: int) -> VideoFrame:
    """One I420 picture of its own, zeroed (which is green), strides a multiple of 64."""
    return I420Pool(width, height).take(captured_ns)


def fill_i420(frame: VideoFrame, y: int, u: int, v: int) -> None:
    """Paint an I420 picture that was not handed over yet in one colour."""
    for plane, value, rows in zip(frame.planes, (y, u, v), plane_rows(frame), strict=True):
        ctypes.memset(plane.pointer, value, plane.stride * rows)


def plane_rows(frame: VideoFrame) -> tuple[int, int, int]:
    """Rows of the three planes of an I420 picture."""
    half = (frame.height + 1) // 2
    return frame.height, half, half


def from_av(picture: av.VideoFrame, captured_ns: int) -> VideoFrame:
    """A VideoFrame that shows the memory of a PyAV frame, and keeps it alive. No copy."""
    planes = tuple(Plane(plane.buffer_ptr, plane.line_size) for plane in picture.planes)
    return VideoFrame(picture.width, picture.height, picture.format.name, planes, captured_ns, picture)


def as_av(frame: VideoFrame) -> av.VideoFrame | None:
    """The PyAV frame whose memory this one shows, None when it shows other memory."""
    owner = frame.owner
    module = sys.modules.get("av")
    if module is None or not isinstance(owner, module.VideoFrame):
        return None
    is_same = (owner.width, owner.height, owner.format.name) == (frame.width, frame.height, frame.pixel_format)
    return owner if is_same and owner.planes[0].buffer_ptr == frame.planes[0].pointer else None


def copy_i420(frame: VideoFrame, target: Any) -> None:
    """Copy an I420 picture into a writable av.VideoFrame of the same size and format."""
    widths = (frame.width, (frame.width + 1) // 2, (frame.width + 1) // 2)
    for source, plane, width, rows in zip(frame.planes, target.planes, widths, plane_rows(frame), strict=True):
        copy_plane(source, Plane(plane.buffer_ptr, plane.line_size), width, rows)


def copy_plane(source: Plane, target: Plane, width: int, rows: int) -> None:
    """Copy `rows` rows of `width` bytes; at one go when the strides agree."""
    if source.stride == target.stride:
        ctypes.memmove(target.pointer, source.pointer, source.stride * (rows - 1) + width)
        return
    for row in range(rows):
        ctypes.memmove(target.pointer + row * target.stride, source.pointer + row * source.stride, width)
