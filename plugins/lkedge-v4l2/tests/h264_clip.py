"""Short H.264 streams as a camera would send them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av


def h264_clip(
    frames: int,
    *,
    profile: str = "baseline",
    gop: int = 100,
    b_frames: int = 0,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> list[bytes]:
    """Access units of 64x48, SPS and PPS before each IDR."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, pixel_format, Fraction(1, 30)
    encoder.gop_size, encoder.max_b_frames = gop, b_frames
    encoder.options = {"profile": profile, "preset": "ultrafast", **(options or {})}
    if not b_frames:
        encoder.options |= {"tune": "zerolatency"}
    packets = []
    for index in range(frames):
        picture = av.VideoFrame(64, 48, pixel_format)
        for plane in picture.planes:
            plane.update(bytes([index * 20 % 256]) * plane.buffer_size)
        picture.pts = index
        packets += encoder.encode(picture)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]
