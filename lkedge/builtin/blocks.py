"""Memory for pictures without padding that sources fill again and again."""

from __future__ import annotations

import ctypes
from collections import deque

from lkedge.media.frame import Plane, VideoFrame

SLACK_BYTES = 64
"""Vector code may read a little beyond the last row."""

MAX_FREE = 4


class Block:
    """Memory of one I420 picture; rows follow each other without a gap.

    state: whatever the source wants to remember about the content.
    """

    def __init__(self, content: bytes) -> None:
        self._buffer = bytearray(content) + bytes(SLACK_BYTES)
        self.memory = memoryview(self._buffer)[: len(content)]
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        self.state: int | None = None


class BlockPool:
    """Blocks of one size. For one thread, save that a picture may be dropped in any."""

    def __init__(self, width: int, height: int, content: bytes | None = None) -> None:
        """content: what a new block holds; zeros if None."""
        self._width = width
        self._height = height
        self._content = content if content is not None else bytes(width * height * 3 // 2)
        self._free: deque[Block] = deque(maxlen=MAX_FREE)

    def take(self) -> Block:
        """A block that nobody looks at any more; with what it held before."""
        return self._free.popleft() if self._free else Block(self._content)

    def frame(self, block: Block, captured_ns: int) -> VideoFrame:
        """The picture in this block. The block comes back when the last reference is dropped."""
        half, luma = self._width // 2, self._width * self._height
        planes = (
            Plane(block.address, self._width),
            Plane(block.address + luma, half),
            Plane(block.address + luma * 5 // 4, half),
        )
        return VideoFrame(self._width, self._height, "yuv420p", planes, captured_ns, Lease(block, self._free))


class Lease:
    """Keeps a block from being filled; the last reference to it gives the block back."""

    __slots__ = ("_block", "_free")

    def __init__(self, block: Block, free: deque[Block]) -> None:
        self._block = block
        self._free = free

    def __del__(self) -> None:
        self._free.append(self._block)
