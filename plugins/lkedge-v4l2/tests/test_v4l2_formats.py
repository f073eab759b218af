from __future__ import annotations

import pytest
from lkedge_v4l2.formats import Mode, Range, choose, explain, is_whole_jpeg, summary

from lkedge.plugin.api import VideoCaptureSettings
from lkedge.terms import Codec

UVC = [
    Mode("YUYV", 640, 480, 30.0),
    Mode("YUYV", 1280, 720, 10.0),
    Mode("YUYV", 1920, 1080, 5.0),
    Mode("MJPG", 640, 480, 30.0),
    Mode("MJPG", 1280, 720, 30.0),
    Mode("MJPG", 1920, 1080, 30.0),
    Mode("H264", 1280, 720, 30.0),
]


def chosen(width: int = 0, height: int = 0, framerate: float = 0, input_format: str = "auto") -> str:
    return str(choose(UVC, VideoCaptureSettings(width, height, framerate), input_format))


def test_takes_raw_pictures_where_the_rate_allows() -> None:
    assert chosen(640, 480, 30) == "YUYV 640x480@30"


def test_takes_mjpeg_where_raw_is_too_slow() -> None:
    assert chosen(1280, 720, 30) == "MJPG 1280x720@30"


def test_raw_is_enough_for_a_low_rate() -> None:
    assert chosen(1280, 720, 10) == "YUYV 1280x720@10"


def test_obeys_the_input_format() -> None:
    assert chosen(1280, 720, 30, "yuyv") == "YUYV 1280x720@10"


def test_an_unknown_size_gets_the_smallest_that_covers_it() -> None:
    assert chosen(800, 600, 30) == "MJPG 1280x720@30"


def test_a_size_beyond_the_camera_gets_the_largest() -> None:
    assert chosen(3840, 2160, 30) == "MJPG 1920x1080@30"


def test_without_a_wish_it_is_720p() -> None:
    assert chosen() == "MJPG 1280x720@30"


def test_nothing_usable_is_none() -> None:
    assert choose([Mode("HEVC", 640, 480, 30.0)], VideoCaptureSettings()) is None
    assert choose(UVC, VideoCaptureSettings(), "nv12") is None


@pytest.mark.parametrize(("wanted", "value"), [(641, 640), (10, 32), (9999, 1920), (1280, 1280)])
def test_a_free_size_is_even_and_in_range(wanted: int, value: int) -> None:
    assert Range(32, 1920, 1).nearest(wanted) == value


def test_summary_lists_sizes_by_format() -> None:
    assert summary(UVC)["YUYV"] == "1920x1080@5, 1280x720@10, 640x480@30"


def test_torn_jpegs_are_noticed() -> None:
    whole = b"\xff\xd8" + bytes(200) + b"\xff\xd9"
    assert is_whole_jpeg(whole)
    assert not is_whole_jpeg(whole[2:])
    assert not is_whole_jpeg(whole[:-2] + b"\x12\x34")
    assert not is_whole_jpeg(b"\xff\xd8\xff\xd9")


def test_an_h264_track_gets_the_cameras_own() -> None:
    wanted = VideoCaptureSettings(1280, 720, 30, Codec.H264)

    assert str(choose(UVC, wanted)) == "H264 1280x720@30"
    assert str(choose(UVC, VideoCaptureSettings(640, 480, 30, Codec.H264))) == "YUYV 640x480@30"


def test_h264_is_decoded_where_there_is_nothing_else() -> None:
    assert str(choose([UVC[-1]], VideoCaptureSettings(codec=Codec.VP8))) == "H264 1280x720@30"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (VideoCaptureSettings(640, 480, 30), "the wanted size"),
        (VideoCaptureSettings(1280, 720, 30), "the wanted size; YUYV reaches only 10 per second there"),
        (VideoCaptureSettings(1280, 720, 30, Codec.H264), "the wanted size; its H.264 is passed through"),
        (
            VideoCaptureSettings(1920, 1080, 60),
            "the wanted size; 30 pictures per second, of 60 wanted, is its most there; "
            "YUYV reaches only 5 per second there",
        ),
        (
            VideoCaptureSettings(800, 600, 30),
            "the smallest size that covers 800x600; YUYV reaches only 10 per second there",
        ),
        (
            VideoCaptureSettings(3840, 2160, 5),
            "the size nearest to 3840x2160, which it does not reach",
        ),
    ],
)
def test_the_choice_is_explained(wanted: VideoCaptureSettings, reason: str) -> None:
    mode = choose(UVC, wanted)
    assert mode is not None
    assert explain(mode, UVC, wanted) == reason
