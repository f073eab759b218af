"""The built-in plugin: what lkedge can do with nothing else installed.

The factories import their implementation when called, in the worker: loading this module
must cost the daemon nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lkedge.builtin.options import FileOptions, TestSourceOptions, ToneOptions
from lkedge.plugin.api import (
    AudioCaptureSettings,
    AudioEncoder,
    AudioEncoderSettings,
    AudioSource,
    EncoderRegistration,
    SourceRegistration,
    VideoCaptureSettings,
    VideoEncoder,
    VideoEncoderSettings,
    VideoSource,
)
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec, TrackKind

VIDEO = frozenset({TrackKind.VIDEO})
AUDIO = frozenset({TrackKind.AUDIO})


def _test_source(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge.builtin.testsrc import TestSource

    return TestSource(capture, options)


def _tone(capture: AudioCaptureSettings, options: Any) -> AudioSource:
    from lkedge.builtin.tone import ToneSource

    return ToneSource(capture, options)


def _file_video(capture: VideoCaptureSettings, options: Any) -> VideoSource:
    from lkedge.builtin.file import FileVideoSource

    return FileVideoSource(capture, options)


def _file_audio(capture: AudioCaptureSettings, options: Any) -> AudioSource:
    from lkedge.builtin.file import FileAudioSource

    return FileAudioSource(capture, options)


def _vp8(settings: VideoEncoderSettings) -> VideoEncoder:
    from lkedge.builtin.vp8 import Vp8Encoder

    return Vp8Encoder(settings)


def _x264(settings: VideoEncoderSettings) -> VideoEncoder:
    from lkedge.builtin.x264 import X264Encoder

    return X264Encoder(settings)


def _opus(settings: AudioEncoderSettings) -> AudioEncoder:
    from lkedge.builtin.opus import OpusEncoder

    return OpusEncoder(settings)


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    register(
        SourceRegistration(
            "testsrc",
            VIDEO,
            "a moving picture with frame counter and clock",
            video=_test_source,
            options=TestSourceOptions,
        )
    )
    register(
        SourceRegistration(
            "tone", AUDIO, "a sine tone that beeps at every full second", audio=_tone, options=ToneOptions
        )
    )
    register(
        SourceRegistration(
            "file", VIDEO | AUDIO, "any media file, looped if wanted", _file_video, _file_audio, FileOptions
        )
    )


@hookimpl
def lkedge_register_encoders(register: Callable[[EncoderRegistration], None]) -> None:
    register(EncoderRegistration("vp8", Codec.VP8, "VP8 in software (libvpx)", video=_vp8))
    register(EncoderRegistration("x264", Codec.H264, "H.264 in software (libx264)", video=_x264))
    register(EncoderRegistration("opus", Codec.OPUS, "Opus in software (libopus)", audio=_opus))
