"""Gives memory back to the kernel that a library cleared and will hardly ever use.

libvpx's VP8 encoder allocates an array for the most tokens that a picture could have, 22 MB
at 720p, and clears it, which makes every page of it real. Pictures need a hundredth of it.
Dropping the pages again changes nothing that can be seen: the kernel makes a page of zeros
when one is touched.

The array is a block of its own of glibc's malloc, which is recognized without doubt: by the
block's length, which malloc wrote at the beginning of its first page, by libvpx's note of
where the block begins, by being new, and by holding nothing but zeros. Where any of this
does not hold (another libc, another libvpx, a block within a heap) nothing is done.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

logger = logging.getLogger(__name__)

SMALLEST = 1 << 20
"""Bytes from which on it is worth the search."""

ALIGNMENT = 16
POINTER = 8
"""Of vpx_memalign (vpx_mem.c): it asks for `ALIGNMENT - 1 + POINTER` bytes more, and writes the
address that malloc gave before the array."""

MALLOC_HEADER = 16
IS_MMAPPED = 2
"""A block with a mapping of its own begins with two words: 0, and its length with this flag
(malloc.c, struct malloc_chunk)."""

_BLOCK = struct.Struct("=QQQQ")
_one_at_a_time = threading.Lock()

Range = tuple[int, int]
"""Addresses from the first up to, not including, the second."""


@contextmanager
def given_back(size: int) -> Iterator[None]:
    """Drop the pages of the array of `size` bytes that libvpx allocates and clears in the body.

    Nobody but the caller's thread may use that array before the end of the body.
    """
    if size < SMALLEST or sys.maxsize < 1 << 32 or not sys.platform.startswith("linux"):
        yield
        return
    with _one_at_a_time:
        before = _writable_ranges()
        yield
        if before:
            _drop(subtract(_writable_ranges(), before), block_length(size))


def block_length(size: int) -> int:
    """Bytes of the mapping that malloc makes for an array of `size` bytes from vpx_memalign."""
    wanted = size + ALIGNMENT - 1 + POINTER
    chunk = -(-(wanted + POINTER) // ALIGNMENT) * ALIGNMENT
    return -(-(chunk + POINTER) // mmap.PAGESIZE) * mmap.PAGESIZE


def subtract(ranges: list[Range], others: list[Range]) -> list[Range]:
    """What of `ranges` is in none of `others`; both are in order and do not overlap themselves."""
    left = []
    for begin, end in ranges:
        for other_begin, other_end in others:
            if begin < other_end and other_begin < end:
                if begin < other_begin:
                    left.append((begin, other_begin))
                begin = min(end, other_end)
        if begin < end:
            left.append((begin, end))
    return left


def _writable_ranges() -> list[Range]:
    """The private mappings without a file that may be written; none when the kernel does not say."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            lines = [line.split(maxsplit=5) for line in maps]
    except OSError:
        return []
    wanted = (fields[0].split("-") for fields in lines if fields[1] == "rw-p" and fields[4] == "0")
    return [(int(begin, 16), int(end, 16)) for begin, end in wanted]


def _drop(ranges: list[Range], length: int) -> None:
    page = _find_block(ranges, length)
    if page is None:
        logger.debug("no new block of %d bytes: its pages stay", length)
        return
    # malloc's words are in the first page.
    begin, rest = page + mmap.PAGESIZE, length - mmap.PAGESIZE
    if _is_zero(begin, rest) and _libc().madvise(begin, rest, mmap.MADV_DONTNEED) == 0:
        logger.debug("%d bytes of zeros given back", rest)


def _find_block(ranges: list[Range], length: int) -> int | None:
    """The address of the block; read through the kernel, for others may unmap what we look at."""
    try:
        memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        pages = (page for begin, end in ranges for page in range(begin, end - length + 1, mmap.PAGESIZE))
        return next((page for page in pages if _is_block(memory, page, length)), None)
    finally:
        os.close(memory)


def _is_block(memory: int, page: int, length: int) -> bool:
    try:
        data = os.pread(memory, _BLOCK.size, page)
    except OSError:
        return False
    if len(data) < _BLOCK.size:
        return False
    previous, header, _, start = _BLOCK.unpack(data)
    return (previous, header, start) == (0, length | IS_MMAPPED, page + MALLOC_HEADER)


def _is_zero(begin: int, length: int) -> bool:
    """Compares the memory with itself, one byte on."""
    return ctypes.string_at(begin, 1) == b"\0" and _libc().memcmp(begin, begin + 1, length - 1) == 0


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    libc.memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    return libc
