# lkedge: pure
"""The settings under `[track.picamera2]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.plugin.api import ControlValue, option


@dataclass(frozen=True, slots=True)
class Picamera2Options:
    """Which camera, how its picture is turned, how fast it goes, and its controls."""

    camera: str = option(
        "",
        help="libcamera's Id of the camera, or a part of Id or model that only one has; empty for the first camera; "
        "`lkedge devices` lists them",
    )
    rotation: int = option(0, help="turn the picture; 0 or 180", unit="degrees", ge=0, le=180)
    hflip: bool = option(False, help="mirror the picture left to right, after the rotation")
    vflip: bool = option(False, help="mirror the picture top to bottom, after the rotation")
    fps_min: float = option(
        0.0,
        help="the camera may slow down to this rate in the dark, for longer exposures; 0: it keeps its rate",
        unit="frames per second",
        ge=0,
        le=1000,
    )
    fps_max: float = option(
        0.0, help="the camera's highest rate; 0: the framerate of capture", unit="frames per second", ge=0, le=1000
    )
    lores: str = option(
        "auto",
        help="size of a second, smaller picture that the camera's ISP makes along: auto (that of the middle "
        'simulcast layer), off, or such as "640x360"',
    )
    tuning_file: str = option(
        "", help="path of a tuning file, or the name of one of libcamera's own, such as imx219_noir.json"
    )
    stall_after: float = option(
        3.0, help="the camera counts as lost when no picture came for so long", unit="seconds", ge=0.5, le=60
    )
    controls: Mapping[str, ControlValue] = option(
        {}, help="controls to set when the camera is opened, by name; `lkedge devices` lists them"
    )
