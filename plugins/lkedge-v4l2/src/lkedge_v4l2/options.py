# lkedge: pure
"""The settings under `[track.v4l2]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.plugin.api import ControlValue, option

INPUT_FORMATS = ("auto", "yuyv", "uyvy", "nv12", "yu12", "rgb", "mjpeg", "h264")


@dataclass(frozen=True, slots=True)
class V4l2Options:
    """Which camera, how its pictures come over the bus, and its controls."""

    device: str = option(
        "",
        help="path such as /dev/video0, or a name below /dev/v4l/by-id or by-path; empty for the first camera",
    )
    input_format: str = option("auto", help="how pictures come from the camera", choices=INPUT_FORMATS)
    stall_after: float = option(
        3.0, help="the camera counts as lost when no picture came for so long", unit="seconds", ge=0.5, le=60
    )
    controls: Mapping[str, ControlValue] = option(
        {}, help="controls to set when the camera is opened, by name; `lkedge devices` lists them"
    )
