"""`testsrc`: a moving picture with a frame counter and a clock, for eyes and for machines."""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque

from lkedge.builtin.options import TestSourceOptions
from lkedge.builtin.testsrc_draw import TestPicture
from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.errors import SourceClosed, SourceUnavailable
from lkedge.media.frame import Plane, VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat, VideoSource

DEFAULT_WIDTH = 1280
DEFAULT_HEIGHT = 720
DEFAULT_FRAMERATE = 30.0
MIN_WIDTH = 160
MIN_HEIGHT = 90
MAX_FRAMERATE = 240.0

SLACK_BYTES = 64
"""Vector code may read a little beyond the last row."""


class TestSource(VideoSource):
    """Paced by absolute deadlines; the capture time of a frame is its deadline."""

    __test__ = False

    def __init__(self, capture: VideoCaptureSettings, options: TestSourceOptions) -> None:
        self._width = capture.width & ~1 or DEFAULT_WIDTH
        self._height = capture.height & ~1 or DEFAULT_HEIGHT
        self._framerate = capture.framerate or DEFAULT_FRAMERATE
        self._interval_ns = 0
        self._picture: TestPicture | None = None
        self._free: deque[Block] = deque()
        self._counter = 0
        self._due_ns = 0
        self._closed = threading.Event()

    def open(self) -> VideoFormat:
        if self._width < MIN_WIDTH or self._height < MIN_HEIGHT or not 0 < self._framerate <= MAX_FRAMERATE:
            raise SourceUnavailable(
                f"testsrc: cannot make {self._width}x{self._height} at {self._framerate:g} frames per second; "
                f"ask for at least {MIN_WIDTH}x{MIN_HEIGHT} and at most {MAX_FRAMERATE:g}"
            )
        self._picture = TestPicture(self._width, self._height)
        self._interval_ns = round(SECOND_NS / self._framerate)
        self._due_ns = time.monotonic_ns()
        return VideoFormat(self._width, self._height, self._framerate)

    def read(self) -> VideoFrame:
        self._wait_until_due()
        picture, captured_ns = self._picture, self._due_ns
        if picture is None or self._closed.is_set():
            raise SourceClosed("testsrc: it is closed")
        block = self._free.popleft() if self._free else Block(picture.background)
        unix_ns = captured_ns + time.time_ns() - time.monotonic_ns()
        block.ball = picture.draw(block.memory, block.ball, self._counter, unix_ns // MILLISECOND_NS, _clock(unix_ns))
        self._counter += 1
        self._due_ns += self._interval_ns
        return self._frame(block, captured_ns)

    def close(self) -> None:
        self._closed.set()
        self._free.clear()

    def _wait_until_due(self) -> None:
        """Sleep to the deadline; after a stall of more than a frame begin a new series."""
        now_ns = time.monotonic_ns()
        if now_ns < self._due_ns:
            self._closed.wait((self._due_ns - now_ns) / SECOND_NS)
        elif now_ns - self._due_ns > self._interval_ns:
            self._due_ns = now_ns

    def _frame(self, block: Block, captured_ns: int) -> VideoFrame:
        half = self._width // 2
        luma_size = self._width * self._height
        planes = (
            Plane(block.address, self._width),
            Plane(block.address + luma_size, half),
            Plane(block.address + luma_size * 5 // 4, half),
        )
        return VideoFrame(self._width, self._height, "yuv420p", planes, captured_ns, Lease(block, self._free))


class Block:
    """Memory of one picture, drawn into again and again.

    ball: where the ball was drawn last.
    """

    def __init__(self, background: bytes) -> None:
        self._buffer = bytearray(background) + bytes(SLACK_BYTES)
        self.memory = memoryview(self._buffer)[: len(background)]
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        self.ball: int | None = None


class Lease:
    """Keeps a block from being drawn into; the last reference to it gives the block back."""

    __slots__ = ("_block", "_free")

    def __init__(self, block: Block, free: deque[Block]) -> None:
        self._block = block
        self._free = free

    def __del__(self) -> None:
        self._free.append(self._block)


def _clock(unix_ns: int) -> str:
    """The time of day in UTC, to the millisecond."""
    seconds, rest = divmod(unix_ns, SECOND_NS)
    hours, minutes = divmod(seconds // 60 % 1440, 60)
    return f"{hours:02}:{minutes:02}:{seconds % 60:02}.{rest // MILLISECOND_NS:03}"
