"""The contract of video and audio encoders as a test suite.

A plugin's whole test file:

    class TestMyEncoder(VideoEncoderContract):
        codec = Codec.H264

        def make_encoder(self, settings):
            return MyEncoder(settings)

What an encoder cannot do is declared in its class; the tests concerned are skipped with the
reason, so that a report shows what was not proved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioEncoder, AudioEncoderSettings, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import (
    H264_IDR,
    H264_PPS,
    H264_SPS,
    PictureDecoder,
    SoundDecoder,
    clip,
    encode,
    endless,
    energy,
    is_key_frame,
    luma,
    nal_types,
    psnr,
    silence,
    tone,
)

WIDTH, HEIGHT, FRAMERATE = 320, 180, 30
SECONDS_TO_SETTLE = 2


class VideoEncoderContract(ABC):
    """What lkedge expects of every VideoEncoder. Subclass it in a file of pytest.

    codec: what the encoder makes.
    psnr_floor: luma PSNR in dB that it keeps on the contract's clip at `bitrate`.
    bitrate, low_bitrate: for 320x180 at 30 frames/s.
    rate_tolerance: share by which the bitrate may miss two seconds after a change.
    follows_real_time: keeps its bitrate when half of the pictures are left out.
    bad_sizes: must be refused.
    """

    codec: Codec
    psnr_floor = 30.0
    bitrate = BitsPerSecond(600_000)
    low_bitrate = BitsPerSecond(300_000)
    rate_tolerance = 0.2
    follows_real_time = True
    bad_sizes: tuple[tuple[int, int], ...] = ((321, 180), (320, 181), (2, 2), (100_000, 100_000))

    @abstractmethod
    def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
        """A new encoder."""

    def settings(self) -> VideoEncoderSettings:
        return VideoEncoderSettings(self.codec, Rid("q"), WIDTH, HEIGHT, FRAMERATE, self.bitrate, self.bitrate)

    def test_first_result_is_a_key_frame_with_its_parameter_sets(self) -> None:
        first = self._run(1)[0]
        assert first.is_key, "the first frame is not marked as a key frame"
        _check_key_frame(first)

    def test_only_the_first_is_a_key_frame_unless_asked(self) -> None:
        keys = [index for index, frame in enumerate(self._run(90)) if frame.is_key]
        assert keys == [0], f"key frames nobody asked for: {keys}"

    def test_key_frame_when_asked(self) -> None:
        with closing(self.make_encoder(self.settings())) as encoder:
            for index, picture in enumerate(clip(WIDTH, HEIGHT, 20)):
                frame = encoder.encode(picture, key_frame=index == 12)
                if index == 12:
                    assert frame is not None, "a picture was dropped that must be a key frame"
                    assert frame.is_key, "a key frame was asked for and did not come"
                    _check_key_frame(frame)

    def test_marks_as_key_frame_what_is_one(self) -> None:
        for index, frame in enumerate(self._run(5)):
            assert frame.is_key == is_key_frame(frame), f"frame {index} is marked wrongly"

    def test_decodes_to_its_size_above_the_psnr_floor(self) -> None:
        qualities = []
        for (width, height, decoded), picture in self._decoded(60):
            assert (width, height) == (WIDTH, HEIGHT), f"it decodes to {width}x{height}"
            qualities.append(psnr(decoded, luma(picture)))
        mean = sum(qualities[10:]) / len(qualities[10:])
        assert mean >= self.psnr_floor, f"mean luma PSNR is {mean:.1f} dB, below {self.psnr_floor}"

    def test_does_not_reorder(self) -> None:
        pictures = [luma(picture) for picture in clip(WIDTH, HEIGHT, 12)]
        for index, ((_, _, decoded), _) in enumerate(self._decoded(12)):
            best = max(range(len(pictures)), key=lambda candidate: psnr(decoded, pictures[candidate]))
            assert best == index, f"picture {index} in the stream is number {best} of the source"

    def test_every_result_belongs_to_its_picture(self) -> None:
        with closing(self.make_encoder(self.settings())) as encoder:
            for picture in clip(WIDTH, HEIGHT, 20):
                frame = encoder.encode(picture, key_frame=False)
                if frame is not None:
                    assert frame.captured_ns == picture.captured_ns, "captured_ns is not the picture's"
                    assert (frame.codec, frame.rid) == (self.codec, "q"), f"it says {frame.codec}, {frame.rid!r}"
                    assert (frame.width, frame.height) == (WIDTH, HEIGHT), "it says another size"

    def test_leaves_the_picture_as_it_was(self) -> None:
        picture = clip(WIDTH, HEIGHT, 1)[0]
        before = luma(picture)
        with closing(self.make_encoder(self.settings())) as encoder:
            encoder.encode(picture, key_frame=True)
        assert luma(picture) == before, "the encoder wrote into its input"

    def test_follows_a_bitrate_change_without_a_key_frame(self) -> None:
        with closing(self.make_encoder(self.settings())) as encoder:
            pictures = _pictures(1)
            list(encode(encoder, pictures, SECONDS_TO_SETTLE * FRAMERATE))
            for bitrate in (self.low_bitrate, self.bitrate):
                encoder.set_rate(bitrate, FRAMERATE)
                settling = list(encode(encoder, pictures, SECONDS_TO_SETTLE * FRAMERATE))
                frames = list(encode(encoder, pictures, 3 * FRAMERATE))
                assert not any(frame.is_key for frame in settling + frames), "the change made a key frame"
                self._check_rate(frames, 3, bitrate)

    def test_keeps_the_bitrate_when_half_of_the_pictures_come(self) -> None:
        if not self.follows_real_time:
            pytest.skip("the encoder declares that it counts pictures, not time")
        with closing(self.make_encoder(self.settings())) as encoder:
            pictures = _pictures(2)
            list(encode(encoder, pictures, SECONDS_TO_SETTLE * FRAMERATE // 2))
            self._check_rate(list(encode(encoder, pictures, 3 * FRAMERATE // 2)), 3, self.bitrate)

    def test_takes_a_change_of_the_frame_rate(self) -> None:
        with closing(self.make_encoder(self.settings())) as encoder:
            list(encode(encoder, _pictures(1), FRAMERATE))
            encoder.set_rate(self.bitrate, FRAMERATE / 2)
            frames = list(encode(encoder, _pictures(2, start=FRAMERATE), FRAMERATE))
        assert frames, "nothing came after the frame rate was changed"
        assert not any(frame.is_key for frame in frames), "the change made a key frame"

    def test_refuses_bad_sizes(self) -> None:
        for width, height in self.bad_sizes:
            with pytest.raises(EncoderError) as refusal:
                self.make_encoder(replace(self.settings(), width=width, height=height))
            assert str(width) in str(refusal.value), f"the message does not name the size: {refusal.value}"

    def test_refuses_a_picture_of_another_size(self) -> None:
        with closing(self.make_encoder(self.settings())) as encoder, pytest.raises(EncoderError):
            encoder.encode(clip(WIDTH // 2, HEIGHT // 2, 1)[0], key_frame=False)

    def test_refuses_another_codec(self) -> None:
        other = Codec.H264 if self.codec is Codec.VP8 else Codec.VP8
        with pytest.raises(EncoderError):
            self.make_encoder(replace(self.settings(), codec=other))

    def test_closes_any_number_of_times_and_then_refuses(self) -> None:
        encoder = self.make_encoder(self.settings())
        encoder.encode(clip(WIDTH, HEIGHT, 1)[0], key_frame=False)
        encoder.close()
        encoder.close()
        with pytest.raises(EncoderError):
            encoder.encode(clip(WIDTH, HEIGHT, 1)[0], key_frame=False)

    def _run(self, count: int) -> list[EncodedFrame]:
        with closing(self.make_encoder(self.settings())) as encoder:
            return list(encode(encoder, iter(clip(WIDTH, HEIGHT, 90)), count))

    def _decoded(self, count: int) -> Iterator[tuple[tuple[int, int, bytes], VideoFrame]]:
        """What a receiver sees of every picture that was sent, as soon as it has it."""
        decoder = PictureDecoder(self.codec)
        with closing(self.make_encoder(self.settings())) as encoder:
            for picture in clip(WIDTH, HEIGHT, 90)[:count]:
                if frame := encoder.encode(picture, key_frame=False):
                    decoded = decoder.decode(frame)
                    assert len(decoded) == 1, f"one frame decodes to {len(decoded)} pictures"
                    yield decoded[0], picture

    def _check_rate(self, frames: list[EncodedFrame], seconds: float, wanted: int) -> None:
        rate = 8 * sum(len(frame.data) for frame in frames) / seconds
        assert abs(rate - wanted) <= self.rate_tolerance * wanted, f"{rate:.0f} bit/s instead of {wanted}"


class AudioEncoderContract(ABC):
    """What lkedge expects of every AudioEncoder.

    has_dtx: can leave out silence. rate_tolerance: as for video.
    """

    has_dtx = True
    rate_tolerance = 0.2

    @abstractmethod
    def make_encoder(self, settings: AudioEncoderSettings) -> AudioEncoder:
        """A new encoder."""

    def test_one_packet_for_20_ms(self) -> None:
        with closing(self.make_encoder(AudioEncoderSettings(dtx=False))) as encoder:
            for index in range(20):
                frame = encoder.encode(tone(index))
                assert frame is not None, "a packet is missing"
                assert frame.captured_ns == tone(index).captured_ns, "captured_ns is not the sound's"
                assert (frame.codec, frame.is_key) == (Codec.OPUS, True), "it is not a packet of opus"

    @pytest.mark.parametrize("channels", [1, 2])
    def test_decodes_to_the_same_length(self, channels: int) -> None:
        left = self._decoded(channels)[0]
        assert abs(len(left) - 50 * 960) <= 960, f"1 s became {len(left)} samples"

    @pytest.mark.parametrize("channels", [1, 2])
    def test_sounds_like_its_input(self, channels: int) -> None:
        decoded = self._decoded(channels)
        expected = (32_767 * 0.25) ** 2 / 2
        assert 0.5 < energy(decoded[0]) / expected < 2, "the tone has another loudness"
        if channels == 2:
            assert energy(decoded[1]) < 0.05 * energy(decoded[0]), "the channels are mixed"

    def test_silence_stays_small_with_dtx(self) -> None:
        if not self.has_dtx:
            pytest.skip("the encoder declares that it has no DTX")
        with closing(self.make_encoder(AudioEncoderSettings(dtx=True))) as encoder:
            frames = [encoder.encode(silence(index)) for index in range(100)]
        sent = [frame for frame in frames[50:] if frame is not None]
        assert len(sent) <= 10, f"1 s of silence took {len(sent)} packets"

    def test_dtx_does_not_cut_off_sound(self) -> None:
        with closing(self.make_encoder(AudioEncoderSettings(dtx=True))) as encoder:
            missing = sum(encoder.encode(tone(index)) is None for index in range(150))
        assert missing == 0, f"{missing} of 150 packets of a steady tone were left out"

    def test_follows_a_bitrate_change(self) -> None:
        with closing(self.make_encoder(AudioEncoderSettings(dtx=False, fec=False))) as encoder:
            for bitrate in (BitsPerSecond(24_000), BitsPerSecond(96_000)):
                encoder.set_rate(bitrate)
                frames = [encoder.encode(tone(index)) for index in range(150)][50:]
                rate = 8 * sum(len(frame.data) for frame in frames if frame) / 2
                assert rate <= (1 + self.rate_tolerance) * bitrate, f"{rate:.0f} bit/s instead of {bitrate}"
            assert rate > 30_000, f"a raised bitrate is not used: {rate:.0f} bit/s"

    def test_tells_the_audio_level(self) -> None:
        with closing(self.make_encoder(AudioEncoderSettings(dtx=False))) as encoder:
            loud, quiet = encoder.encode(tone(0)), encoder.encode(silence(1))
        assert loud is not None, "a packet is missing"
        assert quiet is not None, "a packet is missing"
        assert 13 <= loud.audio_level <= 17, f"a tone of -15 dBov is said to be -{loud.audio_level}"
        assert quiet.audio_level == 127, f"silence is said to be -{quiet.audio_level}"

    def test_refuses_what_is_not_20_ms(self) -> None:
        frame = replace(tone(0), samples=bytes(100))
        with closing(self.make_encoder(AudioEncoderSettings())) as encoder, pytest.raises(EncoderError):
            encoder.encode(frame)

    @pytest.mark.parametrize("change", [{"channels": 3}, {"bitrate": 0}, {"complexity": 11}])
    def test_refuses_bad_settings(self, change: dict[str, int]) -> None:
        with pytest.raises(EncoderError):
            self.make_encoder(replace(AudioEncoderSettings(), **change))  # type: ignore[arg-type]

    def test_closes_any_number_of_times_and_then_refuses(self) -> None:
        encoder = self.make_encoder(AudioEncoderSettings())
        encoder.close()
        encoder.close()
        with pytest.raises(EncoderError):
            encoder.encode(tone(0))

    def _decoded(self, channels: int) -> list[list[int]]:
        """One second of tone as a receiver hears it."""
        decoder = SoundDecoder(channels)
        joined: list[list[int]] = [[] for _ in range(channels)]
        with closing(self.make_encoder(AudioEncoderSettings(channels=channels, dtx=False))) as encoder:
            for index in range(50):
                frame = encoder.encode(tone(index, channels=channels))
                assert frame is not None, "a packet is missing"
                for channel, samples in zip(joined, decoder.decode(frame), strict=True):
                    channel.extend(samples)
        return joined


def _check_key_frame(frame: EncodedFrame) -> None:
    assert is_key_frame(frame), "it is marked as a key frame and is none"
    if frame.codec is Codec.H264:
        types = [kind for kind in nal_types(frame.data) if kind in (H264_SPS, H264_PPS, H264_IDR)]
        assert types[:2] == [H264_SPS, H264_PPS], f"SPS and PPS do not stand before the IDR: {types}"


def _pictures(step: int, start: int = 0) -> Iterator[VideoFrame]:
    return endless(clip(WIDTH, HEIGHT, 90), FRAMERATE, step=step, start=start)
