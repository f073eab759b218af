# lkedge: pure
"""The settings under `[track.v4l2]`."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.plugin.api import option

INPUT_FORMATS = ("auto", "yuyv", "nv12", "yu12", "mjpeg")


@dataclass(frozen=True, slots=True)
class V4l2Options:
    """Which camera, and how its pictures come over the bus."""

    device: str = option(
        "", help="path such as /dev/video0, or a name below /dev/v4l/by-id; empty for the first camera"
    )
    input_format: str = option("auto", help="how pictures come from the camera", choices=INPUT_FORMATS)
    stall_after: float = option(
        3.0, help="the camera counts as lost when no picture came for so long", unit="seconds", ge=0.5, le=60
    )
