"""Uncompressed YUV4MPEG2 files, read without FFmpeg straight into reused memory."""

from __future__ import annotations

import os
from collections.abc import Callable

from lkedge.builtin.blocks import BlockPool
from lkedge.builtin.file_timeline import LoopTimeline
from lkedge.clock import SECOND_NS
from lkedge.errors import SourceEnded, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoFormat

MAGIC = b"YUV4MPEG2 "
FRAME_MAGIC = b"FRAME"
MAX_LINE = 256
PLAIN_420 = ("420", "420jpeg", "420mpeg2", "420paldv")
"""Chroma of 8 bits at half the size; they differ in where its samples lie, by less than a pixel."""


class Y4mReader:
    """Pictures of a y4m file. `read` and `close` belong to one thread at a time."""

    def __init__(self, path: str, loop: bool) -> None:
        """Raises SourceUnavailable, and OSError as `open` does."""
        self._path = path
        self._loop = loop
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        header = os.pread(self._file, MAX_LINE, 0).split(b"\n", 1)[0]
        self._width, self._height, rate = _parse_header(path, header)
        self._start = self._offset = len(header) + 1
        self._pool = BlockPool(self._width, self._height)
        self._timeline = LoopTimeline(round(SECOND_NS / rate))
        self.format = VideoFormat(self._width, self._height, rate)

    def read(self) -> tuple[int, Callable[[int], VideoFrame]]:
        """The running time of the next picture, and what makes it. Raises SourceEnded."""
        block = self._pool.take()
        if not self._read_picture(block.memory):
            if not self._loop:
                raise SourceEnded(f"{self._path} is at its end")
            self._offset = self._start
            if not self._read_picture(block.memory):
                raise SourceUnavailable(f"{self._path} holds no complete picture; give another file")
        return self._timeline.at(None), lambda captured_ns: self._pool.frame(block, captured_ns)

    def close(self) -> None:
        os.close(self._file)

    def _read_picture(self, memory: memoryview) -> bool:
        """Fill the memory with the next picture; False at the end, where a torn picture counts as none."""
        line = os.pread(self._file, MAX_LINE, self._offset).split(b"\n", 1)[0]
        if not line.startswith(FRAME_MAGIC):
            return False
        begin = self._offset + len(line) + 1
        filled = 0
        while filled < len(memory):
            count = os.preadv(self._file, [memory[filled:]], begin + filled)
            if not count:
                return False
            filled += count
        self._offset = begin + filled
        return True


def is_plain_y4m(path: str) -> bool:
    """Whether Y4mReader can read it. Raises OSError as `open` does."""
    with open(path, "rb") as file:
        header = file.read(MAX_LINE)
    parameters = _parameters(header.split(b"\n", 1)[0])
    chroma = parameters.get("C", "420")
    sizes = [parameters.get(key, "") for key in "WH"]
    return header.startswith(MAGIC) and chroma in PLAIN_420 and all(s.isdigit() and int(s) % 2 == 0 for s in sizes)


def _parse_header(path: str, header: bytes) -> tuple[int, int, float]:
    parameters = _parameters(header)
    try:
        above, _, below = parameters.get("F", "30:1").partition(":")
        width, height, rate = int(parameters["W"]), int(parameters["H"]), int(above) / int(below)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise SourceUnavailable(f"{path} has a damaged y4m header ({error}); make the file anew") from error
    if min(width, height) < 2 or rate <= 0:
        raise SourceUnavailable(f"{path} is {width}x{height} at {rate:g} frames per second; give another file")
    return width, height, rate


def _parameters(header: bytes) -> dict[str, str]:
    return {word[:1]: word[1:] for word in header.decode("ascii", "replace").split(" ")[1:] if word}
