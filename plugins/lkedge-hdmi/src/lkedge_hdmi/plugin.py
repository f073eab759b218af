"""The hooks. Importing this touches no device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lkedge.plugin.api import DeviceInfo, SourceRegistration, VideoCaptureSettings, VideoSource
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind
from lkedge_hdmi.options import HdmiOptions


def _input(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge_hdmi.source import HdmiSource

    return HdmiSource(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "hdmi"."""
    register(
        SourceRegistration(
            "hdmi",
            frozenset({TrackKind.VIDEO}),
            "an HDMI input: a bridge on CSI such as the TC358743, or a USB grabber",
            video=_input,
            options=HdmiOptions,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the HDMI inputs with their signal."""
    if kind is TrackKind.AUDIO:
        return []
    from lkedge_hdmi.probe import probe

    return probe()
