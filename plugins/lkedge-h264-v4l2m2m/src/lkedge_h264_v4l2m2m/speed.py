"""How fast is an encoder that nothing is known of? Whether it is any good is for lkedge's own trial to say."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import EncoderError
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.coding import Coding
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.gradient import gradient
from lkedge_h264_v4l2m2m.kernel import M2mKernel
from lkedge_h264_v4l2m2m.node import Node

logger = logging.getLogger(__name__)

WIDTH, HEIGHT, FRAMERATE = 1280, 720, 30
BITRATE = BitsPerSecond(1_000_000)
SETTINGS = VideoEncoderSettings(Codec.H264, Rid(""), WIDTH, HEIGHT, FRAMERATE, BITRATE, BITRATE)

PICTURES = 24
LONGEST_NS = 3 * SECOND_NS // 2

USABLE_SHARE = 0.85
"""Of the measured rate: the rest is for what else the memory bus has to do."""


def measured_pixel_rate(node: Node, kernel: M2mKernel, coding: Coding, folder: Path, clock: Clock) -> int:
    """Pixels per second, within 2 s or so; 0 when it cannot be told. folder: of the budget."""
    try:
        encoder = M2mEncoder(SETTINGS, node, Budget(node.card, 0, folder), coding=coding, kernel=kernel, clock=clock)
        try:
            return round(USABLE_SHARE * WIDTH * HEIGHT * _pictures_a_second(encoder, clock))
        finally:
            encoder.close()
    except EncoderError as error:
        logger.debug("the speed of %s is not known: %s", node.card, error)
        return 0


def _pictures_a_second(encoder: M2mEncoder, clock: Clock) -> float:
    """Large ones, one after the other. The first one, which starts the hardware, does not count."""
    picture = gradient(WIDTH, HEIGHT, "YU12", "yuv420p", SECOND_NS)
    encoder.encode(picture, key_frame=True)
    begun_ns, count = clock.monotonic_ns(), 0
    while count < PICTURES and clock.monotonic_ns() - begun_ns < LONGEST_NS:
        count += 1
        encoder.encode(replace(picture, captured_ns=SECOND_NS + count * SECOND_NS // FRAMERATE), key_frame=False)
    return count * SECOND_NS / max(1, clock.monotonic_ns() - begun_ns)
