"""Opus: what the contract does not say."""

from __future__ import annotations

import array
from dataclasses import replace

import pytest

from lkedge.builtin.audio_level import audio_level
from lkedge.builtin.opus import OpusEncoder
from lkedge.errors import EncoderError
from lkedge.plugin.api import AudioEncoderSettings
from lkedge.terms import BitsPerSecond
from lkedge.testing.encoder_clip import silence, tone

PLAIN = AudioEncoderSettings(dtx=False)


def test_dtx_says_when_sound_is_back() -> None:
    encoder = OpusEncoder(AudioEncoderSettings(dtx=True))
    for index in range(100):
        encoder.encode(silence(index))
    back = [encoder.encode(tone(index)) for index in range(100, 103)]
    assert all(frame is not None and frame.has_voice for frame in back)


def test_comfort_noise_is_not_voice() -> None:
    encoder = OpusEncoder(AudioEncoderSettings(dtx=True))
    sent = [frame for index in range(150) if (frame := encoder.encode(silence(index)))]
    assert not sent[-1].has_voice


def test_packets_of_silence_without_dtx_go_on() -> None:
    encoder = OpusEncoder(PLAIN)
    assert all(encoder.encode(silence(index)) for index in range(60))


def test_is_20_ms_of_one_frame() -> None:
    encoded = OpusEncoder(PLAIN).encode(tone(0))
    assert encoded is not None
    configuration, frames = encoded.data[0] >> 3, encoded.data[0] & 3
    assert frames == 0
    # RFC 6716, table 2: the configurations of 20 ms
    assert configuration in {1, 5, 9, 13, 15, 19, 23, 27, 31}


def test_stereo_is_marked_in_the_packet() -> None:
    encoded = OpusEncoder(replace(PLAIN, channels=2, is_music=True, bitrate=BitsPerSecond(96_000))).encode(
        tone(0, channels=2)
    )
    assert encoded is not None
    assert encoded.data[0] & 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(PLAIN, channels=6), "6 channels: choose 1 or 2"),
        (replace(PLAIN, bitrate=BitsPerSecond(1_000_000)), "1000000 bit/s: choose 6000 to 510000"),
        (replace(PLAIN, complexity=-1), "complexity -1: choose 0 to 10"),
        (replace(PLAIN, packet_loss_percent=101), "101 %: choose 0 to 100"),
    ],
)
def test_refuses_with_value_and_limit(settings: AudioEncoderSettings, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        OpusEncoder(settings)


def test_refuses_stereo_in_a_mono_encoder() -> None:
    with pytest.raises(EncoderError, match="2 channels and 3840 bytes came to an opus encoder for 1 channels"):
        OpusEncoder(PLAIN).encode(tone(0, channels=2))


@pytest.mark.parametrize(("amplitude", "level"), [(1.0, 3), (0.1, 23), (0.001, 63)])
def test_level_of_a_tone(amplitude: float, level: int) -> None:
    assert audio_level(tone(0, amplitude=amplitude).samples) == pytest.approx(level, abs=1)


def test_level_of_the_extremes() -> None:
    assert audio_level(array.array("h", [-32_768] * 960).tobytes()) == 0
    assert audio_level(bytes(1920)) == 127
    assert audio_level(b"") == 127
