"""The hooks. Importing this touches neither picamera2 nor a camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lkedge.plugin.api import DeviceInfo, SourceRegistration, VideoCaptureSettings, VideoSource
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind
from lkedge_picamera2.options import Picamera2Options


def _camera(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge_picamera2.source import Picamera2Source

    return Picamera2Source(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "picamera2"."""
    register(
        SourceRegistration(
            "picamera2",
            frozenset({TrackKind.VIDEO}),
            "a Raspberry Pi camera, through picamera2",
            video=_camera,
            options=Picamera2Options,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the cameras that libcamera knows."""
    if kind is TrackKind.AUDIO:
        return []
    from lkedge_picamera2.probe import probe

    return probe()
