from __future__ import annotations

import ctypes
import time
from itertools import pairwise

import numpy as np
import pytest

from lkedge.builtin.options import TestSourceOptions
from lkedge.builtin.testsrc import TestSource
from lkedge.builtin.testsrc_draw import TestPicture
from lkedge.errors import SourceError, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.testing.strip_reader import age_ms, read_strip

SIZES = [(1280, 720), (320, 180), (160, 90), (640, 480), (360, 640), (1922, 1082)]


def source(width: int = 320, height: int = 180, framerate: float = 100.0) -> TestSource:
    return TestSource(VideoCaptureSettings(width, height, framerate), TestSourceOptions())


def plane(frame: VideoFrame, index: int) -> np.ndarray:
    height = frame.height >> (index > 0)
    data = ctypes.string_at(frame.planes[index].pointer, frame.planes[index].stride * height)
    return np.frombuffer(data, np.uint8).reshape(height, -1)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_strip_counts_frames_and_tells_their_capture_time(width: int, height: int) -> None:
    testsrc = source(width, height)
    assert testsrc.open() == VideoFormat(width, height, 100.0)
    for expected in range(4):
        frame = testsrc.read()
        strip = read_strip(plane(frame, 0))
        assert strip is not None
        wall_ms = (frame.captured_ns + time.time_ns() - time.monotonic_ns()) // 1_000_000
        assert strip[0] == expected
        assert abs(age_ms(strip[1], wall_ms)) <= 2
    testsrc.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_strip_has_neutral_chroma_and_full_contrast(width: int, height: int) -> None:
    testsrc = source(width, height)
    testsrc.open()
    frame = testsrc.read()
    rows = round(2 * height / 22.5)
    assert set(np.unique(plane(frame, 0)[:rows])) == {16, 235}
    assert set(np.unique(plane(frame, 1)[: rows // 2])) == {128}
    assert set(np.unique(plane(frame, 2)[: rows // 2])) == {128}


def test_picture_moves_below_the_strip() -> None:
    testsrc = source()
    testsrc.open()
    first, second = (plane(testsrc.read(), 0)[16:].copy() for _ in range(2))
    assert (first != second).mean() > 0.01


def test_block_that_is_used_again_shows_no_trace_of_its_last_picture() -> None:
    picture = TestPicture(320, 180)
    fresh, used = bytearray(picture.background), bytearray(picture.background)
    ball = None
    for counter in (3, 50, 77):
        ball = picture.draw(memoryview(used), ball, counter, counter * 1.5, counter * 33, "01:02:03.456")
    picture.draw(memoryview(fresh), None, 77, 77 * 1.5, 77 * 33, "01:02:03.456")
    assert fresh == used


def test_defaults_are_720p30() -> None:
    testsrc = TestSource(VideoCaptureSettings(), TestSourceOptions())
    assert testsrc.open() == VideoFormat(1280, 720, 30.0)
    testsrc.close()


@pytest.mark.parametrize(("width", "height", "framerate"), [(40, 40, 30.0), (320, 180, 1000.0), (320, 180, -1.0)])
def test_impossible_settings_are_refused_with_their_values(width: int, height: int, framerate: float) -> None:
    with pytest.raises(SourceUnavailable, match=rf"{width}x{height} at {framerate:g} .* ask for"):
        source(width, height, framerate).open()


def test_steady_frames_are_exactly_one_interval_apart() -> None:
    testsrc = source(framerate=50.0)
    testsrc.open()
    times = [testsrc.read().captured_ns for _ in range(8)]
    assert 20_000_000 in {later - earlier for earlier, later in pairwise(times)}


def text_rows(testsrc: TestSource) -> np.ndarray:
    """Where the label is in a picture of 320x180, at scale 1: below the clock, above the band."""
    return plane(testsrc.read(), 0)[93:100, 124:196].copy()


def test_label_is_drawn_under_the_clock_and_goes_again() -> None:
    testsrc = source()
    testsrc.open()
    without = text_rows(testsrc)
    testsrc.set_control("label", "Front 2")
    labelled = text_rows(testsrc)
    assert set(np.unique(labelled)) == {16, 235}
    assert (labelled[:, 30:36] == 235).any()
    testsrc.set_control("label", "")
    assert (text_rows(testsrc) == without).all()
    testsrc.close()


def test_frames_that_are_still_held_keep_their_label() -> None:
    testsrc = source()
    testsrc.open()
    held = testsrc.read()
    before = plane(held, 0).copy()
    testsrc.set_control("label", "OTHER")
    testsrc.read()
    assert (plane(held, 0) == before).all()
    testsrc.close()


@pytest.mark.parametrize("text", ["thirteen char", "Tür"])
def test_label_that_cannot_be_shown_is_refused(text: str) -> None:
    testsrc = source()
    testsrc.open()
    with pytest.raises(SourceError, match=f"'label' cannot be {text!r}"):
        testsrc.set_control("label", text)
    assert testsrc.controls()[1].value == ""
    testsrc.close()


def ball_moves(testsrc: TestSource) -> bool:
    first, second = (plane(testsrc.read(), 0)[18:60].copy() for _ in range(2))
    return bool((first != second).any())


def test_speed_stops_the_ball_and_lets_it_go_on() -> None:
    testsrc = source()
    testsrc.open()
    assert ball_moves(testsrc)
    testsrc.set_control("speed", 0)
    testsrc.read()
    assert not ball_moves(testsrc)
    testsrc.set_control("speed", 2.5)
    testsrc.read()
    assert ball_moves(testsrc)
    testsrc.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_label_fits_between_clock_and_band(width: int, height: int) -> None:
    picture = TestPicture(width, height)
    plain = np.frombuffer(picture.background, np.uint8)
    picture.set_label("WWWWWWWWWWWW")
    rows = np.flatnonzero((plain != np.frombuffer(picture.background, np.uint8))[: width * height]) // width
    assert height * 0.4 < rows.min()
    assert rows.max() < height * 0.8
    assert len(picture.background) == width * height * 3 // 2
