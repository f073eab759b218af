# lkedge: pure
"""The settings under `[track.screen]`."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.plugin.api import option

KMS_PREFIX = "/dev/dri/"


@dataclass(frozen=True, slots=True)
class ScreenOptions:
    """Which screen, and what of it."""

    display: str = option(
        "",
        help='X display such as ":0", or a graphics card such as "/dev/dri/card0" for what the kernel shows (KMS, '
        "needs CAP_SYS_ADMIN); empty for $DISPLAY, else the first X display",
    )
    region: str = option("", help='part of the screen, "WIDTHxHEIGHT+LEFT+TOP"; empty for all of it')
    cursor: bool = option(True, help="show the mouse pointer (X11 only)")
    authority: str = option(
        "", help="file with the right to use the X display; empty for $XAUTHORITY or ~/.Xauthority", is_path=True
    )
