# lkedge: pure
"""What a worker is told at its start, and the plan of an audio track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import AudioCaptureSettings, AudioEncoderSettings, VideoCaptureSettings
from lkedge.terms import BitsPerSecond, Codec


@dataclass(frozen=True, slots=True)
class VideoWorkerSpec:
    """One video track.

    source: name of a registered source. options: its settings, validated, JSON values only.
    encoder: name of a registered encoder; "" takes the usable one with the highest rank.
    stall_after_s: a source that is wanted and open but delivers nothing for so long has hung.
    """

    track: str
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    capture: VideoCaptureSettings = VideoCaptureSettings()
    codec: Codec = Codec.VP8
    encoder: str = ""
    is_screen_share: bool = False
    stall_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class AudioWorkerSpec:
    """One audio track; the fields as in VideoWorkerSpec."""

    track: str
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    capture: AudioCaptureSettings = AudioCaptureSettings()
    encoding: AudioEncoderSettings = AudioEncoderSettings()
    encoder: str = ""
    stall_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class AudioPlan:
    """What an audio track does now: the counterpart of LayerPlan.

    capture: whether the source should be open. False releases the device.
    """

    active: bool
    bitrate: BitsPerSecond
    capture: bool = True


WorkerSpec = VideoWorkerSpec | AudioWorkerSpec
Plan = LayerPlan | AudioPlan
