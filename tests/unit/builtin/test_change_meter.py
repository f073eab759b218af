"""How much of a picture is new."""

from __future__ import annotations

import ctypes

import pytest

from lkedge.builtin.change_meter import TOLERATED, ChangeMeter
from lkedge.builtin.picture import allocate_i420, fill_i420
from lkedge.media.frame import VideoFrame
from lkedge.testing.encoder_clip import clip, moving_picture

WIDTH, HEIGHT = 320, 180


def grey(luma: int) -> VideoFrame:
    picture = allocate_i420(WIDTH, HEIGHT, 1)
    fill_i420(picture, luma, 128, 128)
    return picture


def meter() -> ChangeMeter:
    return ChangeMeter(WIDTH, HEIGHT)


def test_the_first_picture_and_the_same_again_are_not_new() -> None:
    measuring, picture = meter(), clip(WIDTH, HEIGHT, 1)[0]
    assert [measuring.update(picture) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_another_scene_is_new() -> None:
    measuring = meter()
    measuring.update(grey(40))
    assert measuring.update(grey(200)) > 0.8


def test_noise_is_not() -> None:
    measuring = meter()
    measuring.update(grey(100))
    assert measuring.update(grey(104)) == 0.0


def test_motion_that_lasts_is_not() -> None:
    measuring = meter()
    changes = [measuring.update(moving_picture(WIDTH, HEIGHT, index)) for index in range(40)]
    assert max(changes[1:4]) > 0.0
    assert changes[20:] == [0.0] * 20


def test_half_of_the_picture_counts_half() -> None:
    measuring, picture = meter(), grey(40)
    measuring.update(picture)
    luma = picture.planes[0]
    ctypes.memset(luma.pointer, 96, luma.stride * HEIGHT // 2)
    assert measuring.update(picture) == pytest.approx(0.5 - TOLERATED)
