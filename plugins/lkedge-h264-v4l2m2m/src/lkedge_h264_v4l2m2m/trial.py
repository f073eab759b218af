"""A short real encode: does this node work, is what it makes a picture, and how fast is it?"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, Plane, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.coding import H264, Coding
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.kernel import M2mKernel
from lkedge_h264_v4l2m2m.node import Node

logger = logging.getLogger(__name__)

WIDTH, HEIGHT, FRAMERATE = 640, 360, 30
BITRATE = BitsPerSecond(1_000_000)

PICTURES = 10
KEY_FRAME_AT = 6
"""One more key frame is asked for in the middle: a layer that cannot make one is of no use."""

SPEED_SIZE = (1280, 720)
SPEED_PICTURES = 24
SPEED_BUDGET_S = 1.5
USABLE_SHARE = 0.85
"""Of the measured rate: the rest is for what else the memory bus has to do."""

TOLERATED_DIFFERENCE = 24
"""Mean difference of luma between what went in and what came out; noise or grey have over 40."""


@dataclass(frozen=True, slots=True)
class Trial:
    """reason: why the node cannot be used, "" when it can. pixel_rate: measured; 0 when not wanted or not possible."""

    reason: str
    pixel_rate: int = 0


def try_encoder(
    node: Node,
    kernel: M2mKernel,
    *,
    coding: Coding = H264,
    measure: bool,
    folder: Path,
    clock: Clock | None = None,
) -> Trial:
    """Encode real pictures on this node, within 4 s unless it stalls."""
    clock = clock or SystemClock()
    budget = Budget(node.card, 0, folder)
    try:
        frames = _encode(M2mEncoder(_settings(WIDTH, HEIGHT), node, budget, coding=coding, kernel=kernel, clock=clock))
        if reason := _fault(frames, coding):
            return Trial(f"{node.path}: {node.card}: {reason}")
    except EncoderError as error:
        return Trial(str(error))
    return Trial("", _measured(node, budget, coding, kernel, clock) if measure else 0)


def _settings(width: int, height: int) -> VideoEncoderSettings:
    return VideoEncoderSettings(Codec.H264, Rid(""), width, height, FRAMERATE, BITRATE, BITRATE)


def _encode(encoder: M2mEncoder) -> list[EncodedFrame]:
    try:
        results = [
            encoder.encode(sample(WIDTH, HEIGHT, index), key_frame=index == KEY_FRAME_AT) for index in range(PICTURES)
        ]
    finally:
        encoder.close()
    return [result for result in results if result is not None]


def _fault(frames: Sequence[EncodedFrame], coding: Coding) -> str:
    if len(frames) < PICTURES - 2:
        return f"only {len(frames)} of {PICTURES} pictures came out"
    if not frames[0].is_key:
        return "its stream does not begin with a key frame"
    if not any(frame.is_key for frame in frames[1:]):
        return "it makes no key frame when asked for one"
    return _undecodable(frames) if coding is H264 else ""


def _undecodable(frames: Sequence[EncodedFrame]) -> str:
    try:
        import av
    except ImportError:
        return ""
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    try:
        pictures = [picture for frame in frames for picture in decoder.decode(av.Packet(frame.data))]
        pictures += decoder.decode(None)
    except av.FFmpegError as error:
        return f"what it makes cannot be decoded: {error}"
    if len(pictures) != len(frames):
        return f"its {len(frames)} frames decode to {len(pictures)} pictures"
    if (pictures[0].width, pictures[0].height) != (WIDTH, HEIGHT):
        return f"its pictures are {pictures[0].width}x{pictures[0].height} instead of {WIDTH}x{HEIGHT}"
    difference = _difference(pictures[-1], _index_of(frames[-1]))
    return (
        f"its pictures differ by {difference:.0f} of 255 from what went in" if difference > TOLERATED_DIFFERENCE else ""
    )


def _difference(picture: Any, index: int) -> float:
    plane = picture.planes[0]
    middle = ctypes.string_at(plane.buffer_ptr + HEIGHT // 2 * plane.line_size, WIDTH)
    expected = _row(WIDTH, index)
    return sum(abs(one - other) for one, other in zip(middle, expected, strict=True)) / WIDTH


def _measured(node: Node, budget: Budget, coding: Coding, kernel: M2mKernel, clock: Clock) -> int:
    """Pixels per second of large pictures, one after the other; 0 when it cannot be told."""
    width, height = SPEED_SIZE
    try:
        encoder = M2mEncoder(_settings(width, height), node, budget, coding=coding, kernel=kernel, clock=clock)
    except EncoderError as error:
        logger.debug("the speed of %s is not known: %s", node.card, error)
        return 0
    picture = sample(width, height, 0)
    try:
        encoder.encode(picture, key_frame=True)
        begun_ns, count = clock.monotonic_ns(), 0
        while count < SPEED_PICTURES and clock.monotonic_ns() - begun_ns < SPEED_BUDGET_S * SECOND_NS:
            encoder.encode(_later(picture, count + 1), key_frame=False)
            count += 1
        elapsed_ns = max(1, clock.monotonic_ns() - begun_ns)
    except EncoderError as error:
        logger.debug("the speed of %s is not known: %s", node.card, error)
        return 0
    finally:
        encoder.close()
    return round(USABLE_SHARE * count * width * height * SECOND_NS / elapsed_ns)


def sample(width: int, height: int, index: int) -> VideoFrame:
    """A soft wave of grey that moves by eight pixels a picture."""
    memory = ctypes.create_string_buffer(
        _row(width, index) * height + b"\x80" * (width // 2 * height), width * height * 3 // 2
    )
    start = ctypes.addressof(memory)
    luma, half = width * height, width // 2
    planes = (
        Plane(start, width),
        Plane(start + luma, half),
        Plane(start + luma + half * (height // 2), half),
    )
    return VideoFrame(width, height, "yuv420p", planes, _captured_ns(index), memory)


def _later(picture: VideoFrame, index: int) -> VideoFrame:
    return VideoFrame(
        picture.width, picture.height, picture.pixel_format, picture.planes, _captured_ns(index), picture.owner
    )


def _row(width: int, index: int) -> bytes:
    return bytes(48 + abs((x + 8 * index) % 320 - 160) for x in range(width))


def _captured_ns(index: int) -> int:
    return SECOND_NS + index * SECOND_NS // FRAMERATE


def _index_of(frame: EncodedFrame) -> int:
    return round((frame.captured_ns - SECOND_NS) * FRAMERATE / SECOND_NS)
