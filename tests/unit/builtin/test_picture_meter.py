"""How much of a picture is new, and how much detail it has."""

from __future__ import annotations

import ctypes

import pytest

from lkedge.builtin.picture import allocate_i420, fill_i420
from lkedge.builtin.picture_meter import TOLERATED, PictureMeter
from lkedge.media.frame import VideoFrame
from lkedge.testing.encoder_clip import clip, moving_picture

WIDTH, HEIGHT = 320, 180


def grey(luma: int) -> VideoFrame:
    picture = allocate_i420(WIDTH, HEIGHT, 1)
    fill_i420(picture, luma, 128, 128)
    return picture


def meter() -> PictureMeter:
    return PictureMeter(WIDTH, HEIGHT)


def test_the_first_picture_and_the_same_again_are_not_new() -> None:
    measuring, picture = meter(), clip(WIDTH, HEIGHT, 1)[0]
    assert [measuring.update(picture).new for _ in range(3)] == [0.0, 0.0, 0.0]


def test_another_scene_is_new() -> None:
    measuring = meter()
    measuring.update(grey(40))
    assert measuring.update(grey(200)).new > 0.8


def test_noise_is_not() -> None:
    measuring = meter()
    measuring.update(grey(100))
    assert measuring.update(grey(104)).new == 0.0


def test_motion_that_lasts_is_not() -> None:
    measuring = meter()
    new = [measuring.update(moving_picture(WIDTH, HEIGHT, index)).new for index in range(40)]
    assert max(new[1:4]) > 0.0
    assert new[20:] == [0.0] * 20


def test_half_of_the_picture_counts_half() -> None:
    measuring, picture = meter(), grey(40)
    measuring.update(picture)
    luma = picture.planes[0]
    ctypes.memset(luma.pointer, 200, luma.stride * HEIGHT // 2)
    assert measuring.update(picture).new == pytest.approx(0.5 - TOLERATED)


@pytest.mark.parametrize("level", [96, 104, 128])
def test_noise_at_the_edge_of_a_step_counts_for_nothing(level: int) -> None:
    measuring = meter()
    measuring.update(grey(level - 1))
    content = measuring.update(_stripes(level - 1, level + 1), with_detail=True)
    assert content.new == 0.0
    assert content.detail < 0.01


def test_a_wall_has_no_detail_and_stripes_have() -> None:
    assert meter().update(grey(100), with_detail=True).detail < 0.01
    assert meter().update(_stripes(100, 140), with_detail=True).detail == pytest.approx(0.5, abs=0.01)


def _stripes(dark: int, light: int) -> VideoFrame:
    """Two samples wide."""
    picture = grey(dark)
    luma = picture.planes[0]
    for row in range(HEIGHT):
        for column in range(0, WIDTH, 4):
            ctypes.memset(luma.pointer + row * luma.stride + column, light, 2)
    return picture
