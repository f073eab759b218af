"""Memory that libvpx clears goes back, and nothing else does."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from lkedge.builtin import zero_pages
from lkedge.builtin.zero_pages import block_length, given_back, subtract

SIZE = 40 << 20
"""malloc never takes so much from a heap."""

ENCODE = """
import contextlib, hashlib, sys
from lkedge.builtin import vpx_bindings
from lkedge.builtin.vp8 import Vp8Encoder
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import clip

if sys.argv[1] == "keep":
    vpx_bindings.given_back = lambda size: contextlib.nullcontext()
rate = BitsPerSecond(900_000)
encoder = Vp8Encoder(VideoEncoderSettings(Codec.VP8, Rid("h"), 640, 360, 30, rate, rate, is_screen_share=False))
with open("/proc/self/smaps_rollup") as rollup:
    anonymous = [int(line.split()[1]) for line in rollup if line.startswith("Anonymous:")]
digest = hashlib.sha256()
for number, picture in enumerate(clip(640, 360, 12)):
    frame = encoder.encode(picture, key_frame=number == 8)
    digest.update(frame.data if frame else b"dropped")
print(anonymous[0], digest.hexdigest())
"""


@pytest.fixture
def libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = (ctypes.c_size_t,)
    library.free.argtypes = (ctypes.c_void_p,)
    return library


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@contextmanager
def _cleared_array(libc: ctypes.CDLL) -> Iterator[int]:
    """As vpx_calloc makes it: the address of the array."""
    start = libc.malloc(SIZE + 23)
    array = (start + 8 + 15) // 16 * 16
    ctypes.memmove(array - 8, struct.pack("Q", start), 8)
    ctypes.memset(array, 0, SIZE)
    yield array
    libc.free(start)


def _resident_pages(address: int, size: int) -> int:
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        entries = os.pread(pagemap.fileno(), size // mmap.PAGESIZE * 8, address // mmap.PAGESIZE * 8)
    return sum(entry >> 63 for (entry,) in struct.iter_unpack("Q", entries))


def test_gives_cleared_pages_back(libc: ctypes.CDLL, stack: ExitStack) -> None:
    with given_back(SIZE):
        array = stack.enter_context(_cleared_array(libc))
        assert _resident_pages(array, SIZE) == SIZE // mmap.PAGESIZE
    assert _resident_pages(array, SIZE) == 1
    assert ctypes.string_at(array, SIZE) == bytes(SIZE)


def test_keeps_an_array_that_holds_something(libc: ctypes.CDLL, stack: ExitStack) -> None:
    with given_back(SIZE):
        array = stack.enter_context(_cleared_array(libc))
        ctypes.memset(array + SIZE - 1, 7, 1)
    assert _resident_pages(array, SIZE) == SIZE // mmap.PAGESIZE
    assert ctypes.string_at(array + SIZE - 1, 1) == b"\7"


def test_keeps_what_was_there_before(libc: ctypes.CDLL) -> None:
    with _cleared_array(libc) as array:
        with given_back(SIZE):
            pass
        assert _resident_pages(array, SIZE) == SIZE // mmap.PAGESIZE


def test_keeps_an_array_of_another_size(libc: ctypes.CDLL, stack: ExitStack) -> None:
    with given_back(SIZE - 2 * mmap.PAGESIZE):
        array = stack.enter_context(_cleared_array(libc))
    assert _resident_pages(array, SIZE) == SIZE // mmap.PAGESIZE


def test_does_nothing_where_the_kernel_does_not_tell(
    libc: ctypes.CDLL, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_pages, "_writable_ranges", list)
    with given_back(SIZE):
        array = stack.enter_context(_cleared_array(libc))
    assert _resident_pages(array, SIZE) == SIZE // mmap.PAGESIZE


def test_passes_a_failure_on() -> None:
    with pytest.raises(ZeroDivisionError), given_back(SIZE):
        _ = 1 // 0
    with given_back(SIZE):
        pass


def test_an_encoder_is_smaller_and_makes_the_same_stream() -> None:
    kept, kept_stream = _encode("keep")
    given, given_stream = _encode("give")
    assert kept_stream == given_stream
    assert kept - given > 5_000  # kB of the 5.5 MB at 360p


def _encode(how: str) -> tuple[int, str]:
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", ENCODE, how], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    size, digest = result.stdout.split()
    return int(size), digest


@pytest.mark.parametrize(
    ("ranges", "others", "left"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10)], [(3, 5)], [(0, 3), (5, 10)]),
        ([(0, 10), (20, 30)], [(5, 25)], [(0, 5), (25, 30)]),
        ([(0, 10)], [(0, 2), (4, 6), (9, 12)], [(2, 4), (6, 9)]),
        ([(5, 6)], [(0, 10)], []),
        ([(0, 10)], [(10, 20)], [(0, 10)]),
    ],
)
def test_subtracts_ranges(
    ranges: list[tuple[int, int]], others: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert subtract(ranges, others) == left


def test_knows_how_malloc_rounds() -> None:
    assert block_length(22_118_400) == 22_118_400 + mmap.PAGESIZE
