"""Our encoders keep the contract, and the contract notices those that do not."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lkedge.builtin.opus import OpusEncoder
from lkedge.builtin.vp8 import Vp8Encoder
from lkedge.builtin.x264 import X264Encoder
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioEncoder, AudioEncoderSettings, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec
from lkedge.testing.encoder_clip import clip
from lkedge.testing.encoder_contract import AudioEncoderContract, VideoEncoderContract


class TestVp8(VideoEncoderContract):
    codec = Codec.VP8
    psnr_floor = 31.5

    def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
        return Vp8Encoder(settings)


class TestX264(VideoEncoderContract):
    codec = Codec.H264
    psnr_floor = 31.5

    def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
        return X264Encoder(settings)


class TestOpus(AudioEncoderContract):
    def make_encoder(self, settings: AudioEncoderSettings) -> AudioEncoder:
        return OpusEncoder(settings)


class ClosedTwice(Exception):
    """What an encoder raises that does not keep its duty to take it calmly."""


class BrokenVideo(VideoEncoder):
    """x264 with one fault, told by `fault`."""

    pixel_formats = X264Encoder.pixel_formats

    def __init__(self, settings: VideoEncoderSettings, fault: str) -> None:
        self._fault = fault
        self._encoder = X264Encoder(self._settings(settings))
        self._wanted = settings
        self._previous: VideoFrame | None = None
        self._count = 0
        self._rates = 0

    def _settings(self, settings: VideoEncoderSettings) -> VideoEncoderSettings:
        if self._fault == "poor":
            return replace(settings, bitrate=BitsPerSecond(30_000))
        if self._fault == "takes any size":
            return replace(settings, width=320, height=180)
        if self._fault == "takes any codec":
            return replace(settings, codec=Codec.H264)
        return settings

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        self._count += 1
        if self._fault == "deaf":
            key_frame = False
        if self._fault == "nervous":
            key_frame = self._count % 30 == 0
        if self._fault == "key at change":
            key_frame, self._rates = self._rates > 0, 0
        if self._fault == "takes any picture":
            frame = clip(320, 180, 1)[0]
        if self._fault == "scribbles":
            _scribble(frame)
        if self._fault == "counts pictures":
            frame = replace(frame, captured_ns=self._count * 33_333_333)
        return self._changed(self._encoder.encode(self._swapped(frame), key_frame=key_frame), frame)

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._rates += 1
        if self._fault != "ignores the rate":
            self._encoder.set_rate(bitrate, framerate)

    def close(self) -> None:
        if self._fault == "closes once" and self._encoder._stream is None:
            raise ClosedTwice
        self._encoder.close()

    def _swapped(self, frame: VideoFrame) -> VideoFrame:
        """Sends the pictures in the order 0, 2, 1, 4, 3 and so on."""
        if self._fault != "reorders" or self._count == 1:
            return frame
        pictures = clip(320, 180, 90)
        index = self._count - 1
        return pictures[index + 1 if index % 2 else index - 1]

    def _changed(self, encoded: EncodedFrame | None, frame: VideoFrame) -> EncodedFrame | None:
        if encoded is None:
            return None
        if self._fault == "bare IDR" and encoded.is_key:
            return replace(encoded, data=b"\x00\x00\x01" + encoded.data.rpartition(b"\x00\x00\x01")[2])
        if self._fault == "marks all":
            return replace(encoded, is_key=True)
        if self._fault == "own clock":
            return replace(encoded, captured_ns=frame.captured_ns + 1)
        return encoded


def _scribble(frame: VideoFrame) -> None:
    ctypes.memset(frame.planes[0].pointer + frame.planes[0].stride * 6, 0, 16)


class TestFakeWithoutFault(TestX264):
    """What the broken ones share breaks nothing by itself."""

    def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
        return BrokenVideo(settings, "")


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("bare IDR", "test_first_result_is_a_key_frame_with_its_parameter_sets"),
        ("nervous", "test_only_the_first_is_a_key_frame_unless_asked"),
        ("deaf", "test_key_frame_when_asked"),
        ("marks all", "test_marks_as_key_frame_what_is_one"),
        ("poor", "test_decodes_to_its_size_above_the_psnr_floor"),
        ("reorders", "test_does_not_reorder"),
        ("own clock", "test_every_result_belongs_to_its_picture"),
        ("scribbles", "test_leaves_the_picture_as_it_was"),
        ("ignores the rate", "test_follows_a_bitrate_change_without_a_key_frame"),
        ("key at change", "test_follows_a_bitrate_change_without_a_key_frame"),
        ("counts pictures", "test_keeps_the_bitrate_when_half_of_the_pictures_come"),
        ("key at change", "test_takes_a_change_of_the_frame_rate"),
        ("takes any size", "test_refuses_bad_sizes"),
        ("takes any picture", "test_refuses_a_picture_of_another_size"),
        ("takes any codec", "test_refuses_another_codec"),
        ("closes once", "test_closes_any_number_of_times_and_then_refuses"),
    ],
)
def test_contract_notices_a_broken_video_encoder(fault: str, test: str) -> None:
    class Contract(TestX264):
        def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
            return BrokenVideo(settings, fault)

    _expect_failure(getattr(Contract(), test))


class BrokenAudio(AudioEncoder):
    """Opus with one fault, told by `fault`."""

    def __init__(self, settings: AudioEncoderSettings, fault: str) -> None:
        self._fault = fault
        self._settings = settings
        if fault == "takes any settings":
            settings = AudioEncoderSettings()
        if fault == "no dtx":
            settings = replace(settings, dtx=False)
        self._encoder = OpusEncoder(settings)
        self._count = 0

    def encode(self, frame: AudioFrame) -> EncodedFrame | None:
        self._count += 1
        if self._fault == "loses some" and self._count % 10 == 0:
            return None
        if self._fault == "takes any length":
            frame = replace(frame, samples=bytes(1920))
        if self._fault == "quiet":
            frame = replace(frame, samples=bytes(len(frame.samples)))
        encoded = self._encoder.encode(frame)
        if self._fault == "no level" and encoded:
            return replace(encoded, audio_level=0)
        return encoded

    def set_rate(self, bitrate: BitsPerSecond) -> None:
        if self._fault != "ignores the rate":
            self._encoder.set_rate(bitrate)

    def close(self) -> None:
        if self._fault != "never closes":
            self._encoder.close()


@pytest.mark.parametrize(
    ("fault", "test", "arguments"),
    [
        ("loses some", "test_one_packet_for_20_ms", ()),
        ("loses some", "test_decodes_to_the_same_length", (1,)),
        ("quiet", "test_sounds_like_its_input", (2,)),
        ("no dtx", "test_silence_stays_small_with_dtx", ()),
        ("loses some", "test_dtx_does_not_cut_off_sound", ()),
        ("ignores the rate", "test_follows_a_bitrate_change", ()),
        ("no level", "test_tells_the_audio_level", ()),
        ("takes any length", "test_refuses_what_is_not_20_ms", ()),
        ("takes any settings", "test_refuses_bad_settings", ({"channels": 3},)),
        ("never closes", "test_closes_any_number_of_times_and_then_refuses", ()),
    ],
)
def test_contract_notices_a_broken_audio_encoder(fault: str, test: str, arguments: tuple[Any, ...]) -> None:
    class Contract(TestOpus):
        def make_encoder(self, settings: AudioEncoderSettings) -> AudioEncoder:
            return BrokenAudio(settings, fault)

    _expect_failure(getattr(Contract(), test), *arguments)


def _expect_failure(test: Callable[..., None], *arguments: Any) -> None:
    """Of the contract itself, or of the encoder that cannot be closed twice."""
    with pytest.raises((AssertionError, pytest.fail.Exception, ClosedTwice)):
        test(*arguments)
