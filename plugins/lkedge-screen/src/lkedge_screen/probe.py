"""The screens of this machine, for `lkedge devices`."""

from __future__ import annotations

from collections.abc import Callable

from lkedge.errors import SourceError
from lkedge.plugin.api import DeviceInfo
from lkedge.terms import TrackKind
from lkedge_screen.drm import cards, usable_planes
from lkedge_screen.options import ScreenOptions
from lkedge_screen.x11_connection import displays
from lkedge_screen.x11_grabber import X11Grabber


def probe() -> list[DeviceInfo]:
    """X displays and graphics cards, each with its size, or why it cannot be captured."""
    return [
        *(_device(name, "X11", _x11_size) for name in displays()),
        *(_device(card, "KMS", _kms_size) for card in cards()),
    ]


def _device(name: str, how: str, size: Callable[[str], str]) -> DeviceInfo:
    try:
        details = {"how": how, "size": size(name)}
    except (SourceError, OSError) as error:
        details = {"how": how, "problem": str(error)}
    config = (
        f'[[track]]\nname = "screen"\nsource = "screen"\npublish_as = "screen_share"\nscreen = {{ display = "{name}" }}'
    )
    return DeviceInfo("screen", f"{how} {name}", TrackKind.VIDEO, config, details)


def _x11_size(display: str) -> str:
    grabber = X11Grabber(ScreenOptions(display=display))
    grabber.release()
    return f"{grabber.width}x{grabber.height}"


def _kms_size(card: str) -> str:
    return ", ".join(f"{plane.width}x{plane.height}" for plane in usable_planes(card)) or "shows nothing"
