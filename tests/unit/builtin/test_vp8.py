"""VP8: what the contract does not say."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import pytest

from lkedge.builtin.picture import allocate_i420
from lkedge.builtin.vp8 import Vp8Encoder, tuning_for
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import PictureDecoder, clip, luma, psnr

SETTINGS = VideoEncoderSettings(
    Codec.VP8, Rid("h"), 320, 180, 30, BitsPerSecond(400_000), BitsPerSecond(400_000), is_screen_share=False
)


def test_one_token_partition_and_shown() -> None:
    encoded = Vp8Encoder(SETTINGS).encode(clip(320, 180, 1)[0], key_frame=False)
    assert encoded is not None
    tag = int.from_bytes(encoded.data[:3], "little")
    assert tag & 1 == 0  # a key frame (RFC 6386, section 9.1)
    assert tag >> 4 & 1 == 1
    assert encoded.data[3:6] == b"\x9d\x01\x2a"


def test_reads_planes_of_any_stride() -> None:
    source = clip(320, 180, 1)[0]
    wide = _with_strides(source, 384)
    results = [Vp8Encoder(SETTINGS).encode(picture, key_frame=False) for picture in (source, wide)]
    assert results[0] is not None
    assert results[1] is not None
    assert results[0].data == results[1].data


def test_drops_rather_than_exceeding_its_rate() -> None:
    encoder = Vp8Encoder(replace(SETTINGS, bitrate=BitsPerSecond(20_000)))
    frames = [encoder.encode(picture, key_frame=False) for picture in clip(320, 180, 60)]
    assert None in frames


def test_never_drops_a_key_frame_that_was_asked_for() -> None:
    encoder = Vp8Encoder(replace(SETTINGS, bitrate=BitsPerSecond(20_000)))
    frames = [encoder.encode(picture, key_frame=True) for picture in clip(320, 180, 20)]
    assert all(frame is not None and frame.is_key for frame in frames)


def test_goes_on_after_a_pause() -> None:
    encoder, decoder = Vp8Encoder(SETTINGS), PictureDecoder(Codec.VP8)
    pictures = [
        replace(picture, captured_ns=index * 3_600_000_000_000) for index, picture in enumerate(clip(320, 180, 4))
    ]
    for picture in pictures:
        encoded = encoder.encode(picture, key_frame=False)
        assert encoded is not None
        assert psnr(decoder.decode(encoded)[0][2], luma(picture)) > 25


def test_takes_pictures_of_one_time() -> None:
    encoder = Vp8Encoder(SETTINGS)
    frames = [encoder.encode(replace(picture, captured_ns=7), key_frame=False) for picture in clip(320, 180, 5)]
    assert frames[0] is not None


def test_small_and_shared_pictures_are_done_with_more_care() -> None:
    small, large = tuning_for(SETTINGS), tuning_for(replace(SETTINGS, width=1280, height=720))
    screen = tuning_for(replace(SETTINGS, is_screen_share=True, width=1920, height=1080))
    assert small.cpu_used > large.cpu_used
    assert screen.screen_content == 1
    assert all(tuning.cpu_used < 0 for tuning in (small, large, screen))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 321}, "321x180: 4:2:0 needs an even width and height"),
        ({"width": 2, "height": 2}, "2x2: each side needs at least 16 pixels"),
        ({"width": 16_384}, "16384x180: a side has at most 16383 pixels"),
        ({"bitrate": 0}, "bitrate 0 bit/s"),
        ({"framerate": 0.0}, "0.0 frames/s"),
    ],
)
def test_refuses_with_value_and_limit(change: dict[str, float], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        Vp8Encoder(replace(SETTINGS, **change))  # type: ignore[arg-type]


def test_refuses_a_rate_that_is_none_and_another_format() -> None:
    encoder = Vp8Encoder(SETTINGS)
    with pytest.raises(EncoderError, match="bitrate -1"):
        encoder.set_rate(BitsPerSecond(-1), 30)
    with pytest.raises(EncoderError, match="nv12 picture came, yuv420p is needed"):
        encoder.encode(replace(clip(320, 180, 1)[0], pixel_format="nv12"), key_frame=False)


def _with_strides(source: VideoFrame, stride: int) -> VideoFrame:
    """The same picture in wider rows."""
    wide = allocate_i420(stride * 2, source.height, source.captured_ns)
    rows = (source.height, source.height // 2, source.height // 2)
    for plane, target, count in zip(source.planes, wide.planes, rows, strict=True):
        for row in range(count):
            ctypes.memmove(target.pointer + row * target.stride, plane.pointer + row * plane.stride, source.width)
    return replace(wide, width=source.width)
