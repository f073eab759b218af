"""The hooks. Importing this touches no device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lkedge.plugin.api import SourceRegistration, VideoCaptureSettings, VideoSource, option
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind


@dataclass(frozen=True)
class GreyOptions:
    """What `[track.grey]` may say."""

    luma: int = option(128, help="how bright", ge=16, le=235)


def make_grey(capture: VideoCaptureSettings, options: GreyOptions) -> VideoSource:
    """Called in the worker, so that only the worker imports what the hardware needs."""
    from lkedge_grey.source import GreySource

    return GreySource(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "grey"."""
    register(
        SourceRegistration(
            name="grey",
            kinds=frozenset({TrackKind.VIDEO}),
            summary="a grey picture",
            video=make_grey,
            options=GreyOptions,
        )
    )
