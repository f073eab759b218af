"""Scaling and converting, with libyuv and with swscale."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import av
import pytest

from lkedge.builtin.libyuv_bindings import CONVERSIONS, libyuv
from lkedge.builtin.picture import ALIGNMENT, POOL_SIZE, I420Pool, allocate_i420, as_av, fill_i420, from_av
from lkedge.builtin.scaler import MAX_CONTEXTS, Scaler
from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame
from lkedge.testing.encoder_clip import luma, moving_picture, psnr

NEEDS_LIBYUV = pytest.mark.skipif(libyuv() is None, reason="libyuv is not installed")
ENGINES = [pytest.param(True, marks=NEEDS_LIBYUV, id="libyuv"), pytest.param(False, id="swscale")]
FORMATS = [*CONVERSIONS, "yuv444p", "gray", "yuvj420p"]


@pytest.fixture(params=ENGINES)
def scaler(request: pytest.FixtureRequest) -> Scaler:
    return Scaler(use_libyuv=request.param)


def test_gives_back_what_fits(scaler: Scaler) -> None:
    frame = allocate_i420(320, 180, 1)
    assert scaler.scale(frame, 320, 180) is frame
    nv12 = replace(frame, pixel_format="nv12")
    assert scaler.scale(nv12, 320, 180, ("yuv420p", "nv12")) is nv12


@pytest.mark.parametrize(("width", "height"), [(160, 90), (320, 90), (426, 240), (640, 360)])
def test_scales_to_any_size(scaler: Scaler, width: int, height: int) -> None:
    source = allocate_i420(320, 180, 77)
    fill_i420(source, 90, 40, 200)
    scaled = scaler.scale(source, width, height)
    assert (scaled.width, scaled.height, scaled.captured_ns) == (width, height, 77)
    assert _corners(scaled) == [(90, 90), (40, 40), (200, 200)]


def test_a_scaled_picture_looks_like_the_source(scaler: Scaler) -> None:
    small = scaler.scale(moving_picture(640, 360, 3), 320, 180)
    again = scaler.scale(small, 640, 360)
    assert psnr(luma(again), luma(moving_picture(640, 360, 3))) > 26


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(320, 180), (160, 90)])
def test_converts_every_format_to_the_same_picture(scaler: Scaler, pixel_format: str, size: tuple[int, int]) -> None:
    grey = allocate_i420(320, 180, 1)
    fill_i420(grey, 120, 128, 128)
    source = av.VideoFrame(320, 180, "yuv420p")
    for plane, own in zip(source.planes, grey.planes, strict=True):
        ctypes.memset(plane.buffer_ptr, ctypes.string_at(own.pointer, 1)[0], plane.buffer_size)
    converted = scaler.scale(from_av(source.reformat(format=pixel_format), 1), *size)
    assert converted.pixel_format == "yuv420p"
    for corners, expected in zip(_corners(converted), (120, 128, 128), strict=True):
        assert corners == pytest.approx((expected, expected), abs=2)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "bgra", "rgba"])
def test_red_is_red(scaler: Scaler, pixel_format: str) -> None:
    red = av.VideoFrame(64, 32, pixel_format)
    pixel = {"rgb24": b"\xff\0\0", "bgr24": b"\0\0\xff", "bgra": b"\0\0\xff\xff", "rgba": b"\xff\0\0\xff"}[pixel_format]
    plane = red.planes[0]
    for row in range(32):
        ctypes.memmove(plane.buffer_ptr + row * plane.line_size, pixel * 64, len(pixel) * 64)
    (y, _), (u, _), (v, _) = _corners(scaler.scale(from_av(red, 1), 64, 32))
    assert (y, u, v) == pytest.approx((82, 90, 240), abs=3)


def test_a_picture_that_is_held_is_never_written_again(scaler: Scaler) -> None:
    source, held = allocate_i420(320, 180, 1), []
    for value in range(3 * POOL_SIZE):
        fill_i420(source, value, 128, 128)
        held.append(scaler.scale(source, 160, 90))
    assert [_corners(picture)[0][0] for picture in held] == list(range(3 * POOL_SIZE))


def test_a_picture_outlives_its_scaler(scaler: Scaler) -> None:
    source = allocate_i420(320, 180, 1)
    fill_i420(source, 55, 128, 128)
    picture = scaler.scale(source, 160, 90)
    scaler.close()
    scaler.close()
    assert _corners(picture)[0] == (55, 55)
    assert scaler.scale(source, 160, 90).width == 160


def test_what_it_keeps_is_bounded() -> None:
    scaler = Scaler(use_libyuv=False)
    source = allocate_i420(320, 180, 1)
    for width in range(16, 16 + 6 * MAX_CONTEXTS, 2):
        scaler.scale(source, width, 90)
    assert len(scaler._contexts) == MAX_CONTEXTS
    assert len(scaler._pools) <= 8


def test_refuses_what_it_cannot_do(scaler: Scaler) -> None:
    frame = allocate_i420(320, 180, 1)
    with pytest.raises(EncoderError, match="no pixel format nonsense"):
        scaler.scale(replace(frame, pixel_format="nonsense"), 320, 180)
    with pytest.raises(EncoderError, match="makes yuv420p only, not nv12"):
        scaler.scale(frame, 160, 90, ("nv12",))
    with pytest.raises(EncoderError, match="cannot scale 320x180 to 0x90"):
        scaler.scale(frame, 0, 90)


def test_a_pool_uses_memory_again_once_it_is_free() -> None:
    pool = I420Pool(320, 180)
    pointer = pool.take(1).planes[0].pointer
    assert pool.take(2).planes[0].pointer == pointer


def test_rows_are_aligned_and_planes_apart() -> None:
    frame = allocate_i420(330, 182, 1)
    assert all(plane.pointer % ALIGNMENT == 0 and plane.stride % ALIGNMENT == 0 for plane in frame.planes)
    y, u, v = frame.planes
    assert y.pointer + y.stride * 182 <= u.pointer
    assert u.pointer + u.stride * 91 <= v.pointer


def test_knows_the_pyav_frame_behind_a_picture() -> None:
    picture = av.VideoFrame(320, 180, "yuv420p")
    frame = from_av(picture, 1)
    assert as_av(frame) is picture
    assert as_av(allocate_i420(320, 180, 1)) is None
    moved = Plane(frame.planes[0].pointer + 2, frame.planes[0].stride)
    assert as_av(replace(frame, planes=(moved, *frame.planes[1:]))) is None


def _corners(frame: VideoFrame) -> list[tuple[int, int]]:
    """The first and the last sample of each plane."""
    sizes = ((frame.width, frame.height), *((frame.width // 2, frame.height // 2),) * 2)
    return [
        (
            ctypes.string_at(plane.pointer, 1)[0],
            ctypes.string_at(plane.pointer + (rows - 1) * plane.stride + width - 1, 1)[0],
        )
        for plane, (width, rows) in zip(frame.planes, sizes, strict=True)
    ]
