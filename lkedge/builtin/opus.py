"""Opus with libopus: 20 ms at 48 kHz, rate controlled while it runs (RFC 6716, RFC 7587)."""

from __future__ import annotations

import ctypes

from lkedge.builtin import opus_bindings
from lkedge.builtin.audio_level import audio_level
from lkedge.errors import EncoderError
from lkedge.media.frame import AudioFrame, EncodedFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import AudioEncoder, AudioEncoderSettings
from lkedge.terms import BitsPerSecond, Codec

SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 960
BYTES_PER_SAMPLE = 2

LARGEST_PACKET = 1275
"""Bytes of one Opus frame (RFC 6716, section 3.4)."""

DTX_PACKET_BYTES = 2
"""A packet of so many bytes or fewer need not be sent (opus_defines.h, OPUS_SET_DTX)."""

DTX_COMPLEXITY = 7
"""From here on libopus analyses what it hears; below, DTX takes every steady sound that is
no speech for noise and stops sending it (a 440 Hz tone lost 240 of 300 packets)."""

MIN_BITRATE, MAX_BITRATE = 6_000, 510_000
"""RFC 6716, section 2.1.1."""


class OpusEncoder(AudioEncoder):
    """One audio track. Used by one thread.

    With DTX the complexity is at least 7.
    """

    def __init__(self, settings: AudioEncoderSettings) -> None:
        self._encoder: int | None = None
        _check(settings)
        self._channels = settings.channels
        self._library = opus_bindings.opus()
        self._packet = (ctypes.c_ubyte * LARGEST_PACKET)()
        application = opus_bindings.APPLICATION_AUDIO if settings.is_music else opus_bindings.APPLICATION_VOIP
        self._encoder = self._library.open(SAMPLE_RATE, settings.channels, application)
        self._configure(self._encoder, settings)

    def encode(self, frame: AudioFrame) -> EncodedFrame | None:
        encoder = self._open_encoder()
        self._check_frame(frame)
        size = self._library.encode(encoder, frame.samples, SAMPLES_PER_FRAME, self._packet)
        if size <= DTX_PACKET_BYTES:
            return None
        return EncodedFrame(
            Codec.OPUS,
            NO_RID,
            ctypes.string_at(self._packet, size),
            frame.captured_ns,
            audio_level=audio_level(frame.samples),
            has_voice=not self._library.read(encoder, opus_bindings.GET_IN_DTX),
        )

    def set_rate(self, bitrate: BitsPerSecond) -> None:
        _check_bitrate(bitrate)
        self._library.control(self._open_encoder(), opus_bindings.SET_BITRATE, bitrate)

    def close(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            self._library.close(encoder)

    def __del__(self) -> None:
        if getattr(self, "_encoder", None) is not None:
            self.close()

    def _configure(self, encoder: int, settings: AudioEncoderSettings) -> None:
        requests = {
            opus_bindings.SET_BITRATE: settings.bitrate,
            opus_bindings.SET_COMPLEXITY: _complexity(settings),
            opus_bindings.SET_DTX: int(settings.dtx),
            opus_bindings.SET_INBAND_FEC: int(settings.fec),
            opus_bindings.SET_PACKET_LOSS_PERC: settings.packet_loss_percent,
        }
        if settings.is_music:
            requests[opus_bindings.SET_SIGNAL] = opus_bindings.SIGNAL_MUSIC
        for request, value in requests.items():
            self._library.control(encoder, request, value)

    def _check_frame(self, frame: AudioFrame) -> None:
        expected = SAMPLES_PER_FRAME * self._channels * BYTES_PER_SAMPLE
        if frame.channels != self._channels or len(frame.samples) != expected:
            raise EncoderError(
                f"sound of {frame.channels} channels and {len(frame.samples)} bytes came to an opus encoder"
                f" for {self._channels} channels: 20 ms are {expected} bytes"
            )

    def _open_encoder(self) -> int:
        if self._encoder is None:
            raise EncoderError("this opus encoder is closed: make a new one")
        return self._encoder


def _complexity(settings: AudioEncoderSettings) -> int:
    return max(settings.complexity, DTX_COMPLEXITY) if settings.dtx else settings.complexity


def _check(settings: AudioEncoderSettings) -> None:
    """Raises EncoderError naming the first setting that Opus does not have."""
    if settings.channels not in (1, 2):
        raise EncoderError(f"opus cannot encode {settings.channels} channels: choose 1 or 2")
    if not 0 <= settings.complexity <= 10:
        raise EncoderError(f"opus complexity {settings.complexity}: choose 0 to 10")
    if not 0 <= settings.packet_loss_percent <= 100:
        raise EncoderError(f"packet loss of {settings.packet_loss_percent} %: choose 0 to 100")
    _check_bitrate(settings.bitrate)


def _check_bitrate(bitrate: int) -> None:
    if not MIN_BITRATE <= bitrate <= MAX_BITRATE:
        raise EncoderError(f"opus at {bitrate} bit/s: choose {MIN_BITRATE} to {MAX_BITRATE}")
