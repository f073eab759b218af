"""Picture memory that is used again when the last frame that shows it has been dropped."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lease(Generic[T]):
    """Owns `item` until it is dropped, in whatever thread; then the pool may hand it out again."""

    __slots__ = ("_free", "item")

    def __init__(self, item: T, free: deque[T]) -> None:
        self.item = item
        self._free = free

    def __del__(self) -> None:
        self._free.append(self.item)


class Pool(Generic[T]):
    """For one thread, save that leases may be dropped in any. As many items are made as are held at a time."""

    KEPT = 4

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: deque[T] = deque(maxlen=self.KEPT)

    def take(self) -> Lease[T]:
        return Lease(self._free.popleft() if self._free else self._make(), self._free)


class Memory:
    """Zeroed memory, shared with whoever is given `descriptor`, which is open until `seal`."""

    def __init__(self, size: int) -> None:
        self.descriptor = os.memfd_create("lkedge-screen", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, size)
        self.map = mmap.mmap(self.descriptor, size)
        self._anchor = ctypes.c_char.from_buffer(self.map)
        self.pointer = ctypes.addressof(self._anchor)

    def seal(self) -> None:
        """Nobody else is to have it any more."""
        os.close(self.descriptor)
        self.descriptor = -1

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
