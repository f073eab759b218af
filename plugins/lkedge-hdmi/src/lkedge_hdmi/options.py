# lkedge: pure
"""The settings under `[track.hdmi]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.plugin.api import ControlValue, option

EDID_CHOICES = ("auto", "keep", "720p60", "1080p30", "1080p50", "1080p60")


@dataclass(frozen=True, slots=True)
class HdmiOptions:
    """Which input, and what it tells the connected source that it can show."""

    device: str = option(
        "",
        help="path such as /dev/video0, or a name below /dev/v4l/by-id or by-path; empty for the first HDMI bridge "
        "(a USB grabber must be named)",
    )
    edid: str = option(
        "auto",
        help="the picture that connected sources shall prefer; auto keeps what the bridge has, and gives 1080p30 to "
        "one that has nothing; keep never writes",
        choices=EDID_CHOICES,
    )
    edid_file: str = option("", help="an EDID of one's own, binary or hexadecimal text; instead of edid", is_path=True)
    input_format: str = option(
        "auto",
        help="how pictures come from the bridge",
        choices=("auto", "yuyv", "uyvy", "nv12", "yu12", "rgb", "mjpeg"),
    )
    stall_after: float = option(
        3.0,
        help="the input counts as lost when no picture came for so long although there is a signal",
        unit="seconds",
        ge=1.5,
        le=60,
    )
    controls: Mapping[str, ControlValue] = option(
        {}, help="controls to set when the input is opened, by name; `lkedge devices` lists them"
    )
