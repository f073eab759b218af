"""The hooks. Importing this touches no device and no decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lkedge.plugin.api import DeviceInfo, SourceRegistration, VideoCaptureSettings, VideoSource
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind
from lkedge_v4l2.options import V4l2Options


def _camera(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge_v4l2.source import V4l2Source

    return V4l2Source(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "v4l2"."""
    register(
        SourceRegistration(
            "v4l2",
            frozenset({TrackKind.VIDEO}),
            "a webcam or grabber that speaks V4L2",
            video=_camera,
            options=V4l2Options,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the cameras."""
    if kind is TrackKind.AUDIO:
        return []
    from lkedge_v4l2.probe import probe

    return probe()
