"""What tests of the encoder share: pictures, and a way to make encoders on a fake block."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fake_codec import as_frame, units
from fake_m2m import FakeM2mKernel
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.node import find_encoders

from lkedge.media.frame import EncodedFrame, Plane, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid

WIDTH, HEIGHT = 160, 90
RATE = BitsPerSecond(600_000)
SETTINGS = VideoEncoderSettings(Codec.H264, Rid("h"), WIDTH, HEIGHT, 30, RATE, RATE)

Make = Callable[..., M2mEncoder]


class Rig:
    """Makes encoders on a kernel, and closes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[M2mEncoder] = []

    def __call__(
        self, kernel: FakeM2mKernel, settings: VideoEncoderSettings = SETTINGS, pixel_rate: int = 0
    ) -> M2mEncoder:
        (node,) = find_encoders(kernel, kernel.block.coded).nodes
        budget = Budget(node.card, pixel_rate, self._folder)
        self._made.append(M2mEncoder(settings, node, budget, kernel=kernel, clock=kernel.clock))
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each.close()


def i420(index: int) -> bytes:
    luma = bytes((x + 3 * y + 7 * index) & 0xFF for y in range(HEIGHT) for x in range(WIDTH))
    chroma = bytes((2 * x + y + index) & 0xFF for y in range(HEIGHT // 2) for x in range(WIDTH // 2))
    return luma + chroma + chroma[::-1]


def picture(index: int) -> VideoFrame:
    return as_frame(i420(index), WIDTH, HEIGHT, 1_000_000_000 + index * 33_333_333)


def encoded(
    encoder: M2mEncoder, count: int, *, start: int = 0, keys: tuple[int, ...] = ()
) -> list[EncodedFrame | None]:
    return [encoder.encode(picture(index), key_frame=index in keys) for index in range(start, start + count)]


def payload(frame: EncodedFrame | None) -> bytes:
    assert frame is not None
    return units(frame.data)[-1][1:]


class SourceMemory:
    """A picture in memory that can be handed over, as a camera has it. stride: of the luma."""

    def __init__(self, index: int, *, stride: int = 192, size: int = 0) -> None:
        self.fd = os.memfd_create("picture")
        os.ftruncate(self.fd, size or stride * HEIGHT * 3 // 2)
        self.memory = mmap.mmap(self.fd, 0)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        luma, chroma = stride * HEIGHT, stride // 2 * (HEIGHT // 2)
        planes = (Plane(start, stride), Plane(start + luma, stride // 2), Plane(start + luma + chroma, stride // 2))
        self.frame = replace(picture(index), planes=planes, owner=self, dmabuf=self.fd)
        content, half = i420(index), WIDTH * HEIGHT // 4
        parts = (content[: -2 * half], content[-2 * half : -half], content[-half:])
        for plane, part, width in zip(planes, parts, (WIDTH, WIDTH // 2, WIDTH // 2), strict=True):
            for row in range(len(part) // width):
                ctypes.memmove(plane.pointer + row * plane.stride, part[row * width : (row + 1) * width], width)

    def close(self) -> None:
        os.close(self.fd)
