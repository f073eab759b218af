"""H.264: what the contract does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import av
import pytest

from lkedge.builtin.frame_interval import FrameInterval
from lkedge.builtin.picture import copy_i420, from_av
from lkedge.builtin.x264 import X264Encoder
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import clip

SETTINGS = VideoEncoderSettings(Codec.H264, Rid("f"), 320, 180, 30, BitsPerSecond(400_000), BitsPerSecond(800_000))


@pytest.mark.parametrize(
    ("width", "height", "framerate", "level"), [(320, 180, 30, 31), (1280, 720, 30, 31), (1280, 720, 60, 32)]
)
def test_is_constrained_baseline_of_a_level_that_fits(width: int, height: int, framerate: int, level: int) -> None:
    assert _sps(replace(SETTINGS, width=width, height=height, framerate=framerate)) == (66, 0xC0, level)


def test_starts_every_picture_with_a_long_start_code() -> None:
    encoder = X264Encoder(SETTINGS)
    for picture in clip(320, 180, 3):
        encoded = encoder.encode(picture, key_frame=False)
        assert encoded is not None
        assert encoded.data.startswith(b"\x00\x00\x00\x01")


def test_reads_pictures_of_pyav_where_they_are() -> None:
    own, foreign = X264Encoder(SETTINGS), X264Encoder(SETTINGS)
    for picture in clip(320, 180, 5):
        other = from_av(_av_picture(picture), picture.captured_ns)
        assert own.encode(picture, key_frame=False) == foreign.encode(other, key_frame=False)


def test_a_key_frame_request_does_not_stick() -> None:
    encoder, picture = X264Encoder(SETTINGS), clip(320, 180, 1)[0]
    asked = [True, False, True, False]
    frames = [
        encoder.encode(replace(picture, captured_ns=n * 33_000_000), key_frame=key) for n, key in enumerate(asked)
    ]
    assert [frame is not None and frame.is_key for frame in frames] == asked


def test_another_scene_does_not_flood_the_network() -> None:
    encoder = X264Encoder(SETTINGS)
    still, other = clip(320, 180, 60)[::59]
    list(_bytes_of(encoder, [still] * 60))
    assert 8 * max(_bytes_of(encoder, [other] * 5, start=60)) < 0.5 * SETTINGS.bitrate


def test_raises_the_bitrate_to_the_maximum_of_its_opening() -> None:
    encoder = X264Encoder(replace(SETTINGS, bitrate=BitsPerSecond(200_000)))
    list(_bytes(encoder, 0, 30))
    encoder.set_rate(BitsPerSecond(800_000), 30)
    list(_bytes(encoder, 30, 60))
    rate = 8 * sum(_bytes(encoder, 90, 60)) / 2
    assert rate > 600_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 181}, "320x181: 4:2:0 needs an even"),
        ({"width": 8}, "8x180: each side needs at least 16"),
        ({"width": 8_690}, "8690x180: a side has at most 8688 pixels"),
        ({"width": 8_000, "height": 4_000}, "8000x4000: at most 9437184 pixels"),
    ],
)
def test_refuses_with_value_and_limit(change: dict[str, int], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        X264Encoder(replace(SETTINGS, **change))  # type: ignore[arg-type]


def test_interval_follows_a_lasting_change_and_not_a_pause() -> None:
    interval = FrameInterval(30)
    for index in range(60):
        halved = interval.update(index * 66_666_666)
    assert halved == pytest.approx(66_666_666, rel=0.01)
    assert interval.update(3_600_000_000_000) < 2 * halved


def _sps(settings: VideoEncoderSettings) -> tuple[int, int, int]:
    """profile_idc, constraint flags and level_idc (H.264, 7.3.2.1.1)."""
    encoded = X264Encoder(settings).encode(clip(settings.width, settings.height, 1)[0], key_frame=True)
    assert encoded is not None
    profile, flags, level = encoded.data.split(b"\x00\x00\x00\x01\x67")[1][:3]
    return profile, flags, level


def _av_picture(frame: VideoFrame) -> Any:
    picture = av.VideoFrame(frame.width, frame.height, "yuv420p")
    copy_i420(frame, picture)
    return picture


def _bytes(encoder: X264Encoder, start: int, count: int) -> list[int]:
    pictures = clip(320, 180, 90)
    return _bytes_of(encoder, [pictures[index % 90] for index in range(start, start + count)], start=start)


def _bytes_of(encoder: X264Encoder, pictures: Sequence[VideoFrame], *, start: int = 0) -> list[int]:
    """What each picture becomes, 0 for one that was left out."""
    timed = (replace(picture, captured_ns=(start + index) * 33_333_333) for index, picture in enumerate(pictures))
    results = (encoder.encode(picture, key_frame=False) for picture in timed)
    return [len(encoded.data) if encoded else 0 for encoded in results]
