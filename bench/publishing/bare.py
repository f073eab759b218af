"""The codecs and the scaler alone, on the frames that are published (bench.codecs), with sound."""

from __future__ import annotations

import asyncio
import ctypes
from functools import cache
from pathlib import Path

from bench.codecs import measure_bare, measure_bare_audio
from bench.publishing.clip import FRAMERATE, Clip
from lkedge.media.frame import Plane, VideoFrame
from lkedge.media.layers import default_encoding, simulcast_ladder
from lkedge.terms import Codec

ALL_LAYERS = 3


async def bare_cores(clip: Path, codec: str, seconds: float, *, layers: int = ALL_LAYERS, paced: bool = False) -> float:
    """Cores that this many layers, from the lowest on, and the sound need in one thread.

    paced: the pictures at the moments at which a publisher gets them, else as fast as they go.
    """
    return await asyncio.to_thread(_cores, clip, Codec(codec), seconds, layers, paced)


def _cores(path: Path, codec: Codec, seconds: float, layers: int, paced: bool) -> float:
    frames = _frames(path)
    width, height = frames[0].width, frames[0].height
    ladder = simulcast_ladder(width, height, default_encoding(width, height))
    video = measure_bare(frames, codec, ladder[:layers], seconds, paced=paced)
    audio = measure_bare_audio(seconds)
    return float(video["cores"]) + audio["cores"]


@cache
def _frames(path: Path) -> list[VideoFrame]:
    """The first half of the clip: `measure_bare` plays it there and back itself."""
    clip = Clip.open(path)
    half = clip.pictures[: len(clip.pictures) // 2 + 1]
    return [_frame(clip, picture, number) for number, picture in enumerate(half)]


def _frame(clip: Clip, picture: memoryview, number: int) -> VideoFrame:
    address, luma, width = ctypes.addressof(ctypes.c_char.from_buffer(picture)), clip.width * clip.height, clip.width
    planes = (Plane(address, width), Plane(address + luma, width // 2), Plane(address + luma * 5 // 4, width // 2))
    return VideoFrame(width, clip.height, "yuv420p", planes, number * 1_000_000_000 // FRAMERATE, picture)
