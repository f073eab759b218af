"""What a plugin offers: registrations with their options, and the devices that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lkedge.plugin.encoder import AudioEncoder, AudioEncoderSettings, VideoEncoder, VideoEncoderSettings
from lkedge.plugin.processor import AudioProcessor, AudioProcessorSettings
from lkedge.plugin.source import AudioCaptureSettings, AudioSource, VideoCaptureSettings, VideoSource
from lkedge.terms import Codec, TrackKind


def option(
    default: Any = ...,
    *,
    help: str,
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    choices: Sequence[str] = (),
    is_path: bool = False,
) -> Any:
    """One setting of a source or encoder: a field of its frozen options dataclass.

    The loader validates, documents and generates schemas from these; there is no second
    description. Without a default (an Ellipsis) the setting is required. `is_path`: a relative value is
    relative to the configuration file; the loader makes it absolute. A field of type
    `Mapping[str, ControlValue]` is a table of scalars; its default is a dict.
    """
    metadata = {"help": help, "unit": unit, "ge": ge, "le": le, "choices": tuple(choices), "is_path": is_path}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NoOptions:
    """The options of something that has none."""


VideoSourceFactory = Callable[[VideoCaptureSettings, Any], VideoSource]
"""Called with the capture settings and an instance of the registration's `options` class."""

AudioSourceFactory = Callable[[AudioCaptureSettings, Any], AudioSource]
VideoEncoderFactory = Callable[[VideoEncoderSettings], VideoEncoder]
AudioEncoderFactory = Callable[[AudioEncoderSettings], AudioEncoder]
AudioProcessorFactory = Callable[[AudioProcessorSettings], AudioProcessor]


@dataclass(frozen=True, slots=True)
class SourceRegistration:
    """One source that a plugin offers.

    name: what `source = "..."` says in the configuration, and `[track.NAME]`.
    kinds: what it can deliver; a file can be both, and `publish_as` or the file decides.
    summary: one line for `lkedge plugins`.
    video, audio: the factories; import the hardware library inside them, not at load.
    options: a frozen dataclass made of `option()` fields.
    """

    name: str
    kinds: frozenset[TrackKind]
    summary: str
    video: VideoSourceFactory | None = None
    audio: AudioSourceFactory | None = None
    options: type[Any] = NoOptions


SOFTWARE_RANK = 100
"""Encoders of this rank and below run anywhere; those above are used after a trial with real pictures only."""


@dataclass(frozen=True, slots=True)
class EncoderRegistration:
    """One encoder that a plugin offers.

    rank: the highest that is usable wins; software has 100, hardware more.
    is_usable: probes this machine; returns the reason why not, or "" when usable.
        Runs in the worker or in a thread, 5 s at most.
    """

    name: str
    codec: Codec
    summary: str
    rank: int = SOFTWARE_RANK
    video: VideoEncoderFactory | None = None
    audio: AudioEncoderFactory | None = None
    is_usable: Callable[[], str] = lambda: ""

    @property
    def is_hardware(self) -> bool:
        """Whether it depends on a device."""
        return self.rank > SOFTWARE_RANK


@dataclass(frozen=True, slots=True)
class ProcessorRegistration:
    """One audio processor that a plugin offers.

    make: import the processing library inside it, not at load.
    rank, is_usable: as in EncoderRegistration; the highest usable rank does all tracks.
    """

    name: str
    summary: str
    make: AudioProcessorFactory
    rank: int = 100
    is_usable: Callable[[], str] = lambda: ""


class DeviceGroup(StrEnum):
    """Where a device stands in the list."""

    CAMERA = "camera"
    HDMI = "hdmi"
    SCREEN = "screen"
    MICROPHONE = "microphone"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device that `lkedge devices` lists.

    config: TOML to paste for a track with this device.
    details: facts worth a line each, such as sizes and rates.
    group: None follows from what it is published as.
    """

    plugin: str
    name: str
    kind: TrackKind
    config: str
    details: Mapping[str, str] = field(default_factory=dict)
    group: DeviceGroup | None = None

    @property
    def section(self) -> DeviceGroup:
        """Its group, or what follows from what it is published as."""
        if self.group is not None:
            return self.group
        if self.kind is TrackKind.AUDIO:
            return DeviceGroup.MICROPHONE
        return DeviceGroup.SCREEN if '"screen_share"' in self.config else DeviceGroup.CAMERA
