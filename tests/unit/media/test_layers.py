"""The default ladder is the one LiveKit's SDKs choose."""

import pytest

from lkedge.media.layers import (
    PRESETS_4_3,
    PRESETS_16_9,
    Preset,
    VideoEncoding,
    default_encoding,
    presets_for,
    refit,
    simulcast_ladder,
    single_layer,
)
from lkedge.terms import BitsPerSecond, VideoQuality


def encoding(bitrate: int = 1_700_000, framerate: float = 30) -> VideoEncoding:
    return VideoEncoding(BitsPerSecond(bitrate), framerate)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1280, 720, [("q", 320, 180), ("h", 640, 360), ("f", 1280, 720)]),
        (1920, 1080, [("q", 320, 180), ("h", 640, 360), ("f", 1920, 1080)]),
        (960, 540, [("q", 320, 180), ("h", 640, 360), ("f", 960, 540)]),
        (640, 480, [("q", 240, 180), ("h", 640, 480)]),
        (640, 360, [("q", 320, 180), ("h", 640, 360)]),
        (480, 270, [("q", 320, 180), ("h", 480, 270)]),
        (320, 240, [("q", 320, 240)]),
        (1080, 1920, [("q", 180, 320), ("h", 360, 640), ("f", 1080, 1920)]),
    ],
)
def test_ladder_follows_the_longer_side(width: int, height: int, expected: list[tuple[str, int, int]]) -> None:
    layers = simulcast_ladder(width, height, encoding())
    assert [(layer.rid, layer.width, layer.height) for layer in layers] == expected


def test_lower_layers_have_the_presets_bitrates_and_rates() -> None:
    layers = simulcast_ladder(1280, 720, encoding())
    assert [layer.encoding.max_bitrate for layer in layers] == [160_000, 450_000, 1_700_000]
    assert [layer.encoding.max_framerate for layer in layers] == [20, 20, 30]


def test_qualities_match_rids() -> None:
    layers = simulcast_ladder(1280, 720, encoding())
    assert [layer.quality for layer in layers] == [VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH]


def test_no_layer_is_faster_than_the_top() -> None:
    layers = simulcast_ladder(1280, 720, encoding(framerate=10))
    assert {layer.encoding.max_framerate for layer in layers} == {10}


def test_own_lower_layers_replace_the_default() -> None:
    lower = (Preset(426, 240, encoding(200_000, 15)),)
    layers = simulcast_ladder(1280, 720, encoding(), lower)
    assert [(layer.rid, layer.height) for layer in layers] == [("q", 240), ("h", 720)]


def test_layers_not_smaller_than_the_capture_are_left_out() -> None:
    lower = (Preset(1280, 720, encoding()), Preset(1920, 1080, encoding()))
    assert len(simulcast_ladder(1280, 720, encoding(), lower)) == 1


def test_screen_share_has_one_lower_layer_of_half_size() -> None:
    layers = simulcast_ladder(1920, 1080, encoding(2_500_000, 15), is_screen_share=True)
    assert [(layer.rid, layer.width, layer.encoding.max_bitrate) for layer in layers] == [
        ("q", 960, 625_000),
        ("h", 1920, 2_500_000),
    ]


def test_single_layer_has_no_rid_and_is_high() -> None:
    (layer,) = single_layer(640, 480, encoding())
    assert (layer.rid, layer.quality) == ("", VideoQuality.HIGH)


@pytest.mark.parametrize(("width", "height"), [(1278, 718), (1366, 768), (854, 480), (1000, 562)])
def test_all_sizes_are_even(width: int, height: int) -> None:
    for layer in simulcast_ladder(width, height, encoding())[:-1]:
        assert layer.width % 2 == 0
        assert layer.height % 2 == 0


@pytest.mark.parametrize(
    ("width", "height", "bitrate"),
    [(1280, 720, 1_700_000), (1000, 562, 1_700_000), (640, 480, 500_000), (7680, 4320, 8_000_000)],
)
def test_default_encoding_is_the_smallest_preset_that_covers(width: int, height: int, bitrate: int) -> None:
    assert default_encoding(width, height).max_bitrate == bitrate


def test_family_is_the_nearer_ratio() -> None:
    assert presets_for(1280, 720) is PRESETS_16_9
    assert presets_for(640, 480) is PRESETS_4_3
    assert presets_for(720, 1280) is PRESETS_16_9


def test_refit_keeps_rids_and_ratios() -> None:
    layers = refit(simulcast_ladder(1280, 720, encoding()), 1920, 1080)
    assert [(layer.rid, layer.width, layer.height) for layer in layers] == [
        ("q", 480, 270),
        ("h", 960, 540),
        ("f", 1920, 1080),
    ]
