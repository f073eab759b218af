"""The hooks. Importing this touches no device and no sound library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lkedge.plugin.api import AudioCaptureSettings, AudioSource, DeviceInfo, SourceRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind
from lkedge_alsa.options import AlsaOptions


def _microphone(capture: AudioCaptureSettings, options: Any) -> AudioSource:
    from lkedge_alsa.source import AlsaSource

    return AlsaSource(capture, options)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer the source "alsa"."""
    register(
        SourceRegistration(
            "alsa",
            frozenset({TrackKind.AUDIO}),
            "a microphone or another sound card, through ALSA",
            audio=_microphone,
            options=AlsaOptions,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the cards that capture."""
    if kind is TrackKind.VIDEO:
        return []
    from lkedge_alsa.probe import probe

    return probe()
