"""All that a plugin imports: the contracts of sources, encoders and processors, and their options.

Here are the names; `source`, `encoder`, `processor` and `offers` beside this module have what they promise.
Sources, encoders and processors live in a worker (a process, or a thread for tests). Everything here
is synchronous and blocking; the worker owns the threads. A contract is an abstract class
rather than a Protocol, so that a missing method fails when the object is made.
"""

from __future__ import annotations

from lkedge.plugin.encoder import AudioEncoder, AudioEncoderSettings, VideoEncoder, VideoEncoderSettings
from lkedge.plugin.offers import (
    SOFTWARE_RANK,
    AudioEncoderFactory,
    AudioProcessorFactory,
    AudioSourceFactory,
    DeviceGroup,
    DeviceInfo,
    EncoderRegistration,
    NoOptions,
    ProcessorRegistration,
    SourceRegistration,
    VideoEncoderFactory,
    VideoSourceFactory,
    option,
)
from lkedge.plugin.processor import AudioProcessor, AudioProcessorSettings
from lkedge.plugin.source import (
    AudioCaptureSettings,
    AudioFormat,
    AudioSource,
    Control,
    ControlKind,
    ControlValue,
    Source,
    VideoCaptureSettings,
    VideoFormat,
    VideoSource,
)

__all__ = [
    "API_VERSION",
    "SOFTWARE_RANK",
    "AudioCaptureSettings",
    "AudioEncoder",
    "AudioEncoderFactory",
    "AudioEncoderSettings",
    "AudioFormat",
    "AudioProcessor",
    "AudioProcessorFactory",
    "AudioProcessorSettings",
    "AudioSource",
    "AudioSourceFactory",
    "Control",
    "ControlKind",
    "ControlValue",
    "DeviceGroup",
    "DeviceInfo",
    "EncoderRegistration",
    "NoOptions",
    "ProcessorRegistration",
    "Source",
    "SourceRegistration",
    "VideoCaptureSettings",
    "VideoEncoder",
    "VideoEncoderFactory",
    "VideoEncoderSettings",
    "VideoFormat",
    "VideoSource",
    "VideoSourceFactory",
    "option",
]

API_VERSION = 1
"""Goes up when a contract gains a duty."""
