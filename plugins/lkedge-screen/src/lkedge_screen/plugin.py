"""The hooks. Importing this touches no screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lkedge.plugin.api import DeviceInfo, SourceRegistration, VideoCaptureSettings, VideoSource
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind
from lkedge_screen.options import ScreenOptions


def _screen(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge_screen.source import ScreenSource

    return ScreenSource(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "screen"."""
    register(
        SourceRegistration(
            "screen",
            frozenset({TrackKind.VIDEO}),
            "what an X server or the kernel shows on a screen",
            video=_screen,
            options=ScreenOptions,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the screens."""
    if kind is TrackKind.AUDIO:
        return []
    from lkedge_screen.probe import probe

    return probe()
