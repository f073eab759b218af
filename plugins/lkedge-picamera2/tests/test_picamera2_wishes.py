"""Which camera, and what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_picamera2 import CAMERAS, IMX219, IMX708
from lkedge_picamera2.cameras import choose, listed
from lkedge_picamera2.options import Picamera2Options
from lkedge_picamera2.tuning import find_tuning_file
from lkedge_picamera2.wishes import Wishes, wishes_of, within

from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import VideoCaptureSettings


def wishes(capture: VideoCaptureSettings, **options: Any) -> Wishes:
    return wishes_of(capture, Picamera2Options(**options))


@pytest.mark.parametrize(
    ("wanted", "index"), [("", 0), (IMX219, 1), ("imx219", 1), ("IMX708", 0), ("i2c@88000", 0), ("c270", 2)]
)
def test_a_camera_is_chosen_by_id_or_by_what_only_it_has(wanted: str, index: int) -> None:
    assert choose(listed(CAMERAS), wanted).index == index


@pytest.mark.parametrize(("wanted", "named"), [("imx", 2), ("axi", 3), ("imx477", 3)])
def test_a_wrong_camera_is_answered_with_the_ids(wanted: str, named: int) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        choose(listed(CAMERAS), wanted)
    assert sum(camera["Id"] in str(caught.value) for camera in CAMERAS) == named


def test_no_camera_at_all_has_a_remedy() -> None:
    with pytest.raises(SourceUnavailable, match=r"cable.*camera_auto_detect=1"):
        choose([], IMX708)


@pytest.mark.parametrize(
    ("size", "lores", "expected"),
    [
        ((1280, 720), "auto", (640, 360)),
        ((1920, 1080), "auto", (640, 360)),
        ((640, 360), "auto", (320, 180)),
        ((320, 180), "auto", None),
        ((0, 0), "auto", (640, 360)),
        ((1280, 720), "off", None),
        ((1280, 720), "801x451", (800, 450)),
    ],
)
def test_the_smaller_picture(size: tuple[int, int], lores: str, expected: tuple[int, int] | None) -> None:
    assert wishes(VideoCaptureSettings(*size), lores=lores).lores == expected


@pytest.mark.parametrize(
    ("framerate", "options", "expected"),
    [
        (0.0, {}, (33_333, 33_333)),
        (15.0, {}, (66_667, 66_667)),
        (15.0, {"fps_max": 50.0}, (20_000, 20_000)),
        (30.0, {"fps_min": 2.0}, (33_333, 500_000)),
        (30.0, {"fps_min": 60.0}, (16_667, 16_667)),
    ],
)
def test_frame_durations(framerate: float, options: dict[str, float], expected: tuple[int, int]) -> None:
    assert wishes(VideoCaptureSettings(640, 360, framerate), **options).durations_us == expected


def test_durations_stay_within_those_of_the_camera() -> None:
    assert within((5_000, 900_000), 20_000, 500_000) == (20_000, 500_000)


@pytest.mark.parametrize(("fps_min", "expected"), [(0.0, 3.0), (1.0, 5.0)])
def test_a_slow_camera_is_given_time(fps_min: float, expected: float) -> None:
    assert wishes(VideoCaptureSettings(640, 360, 30.0), fps_min=fps_min).stall_after_s == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (False, False)),
        ({"rotation": 180}, (True, True)),
        ({"rotation": 180, "hflip": True}, (False, True)),
        ({"vflip": True}, (False, True)),
    ],
)
def test_rotation_and_flips_add_up(options: dict[str, Any], expected: tuple[bool, bool]) -> None:
    found = wishes(VideoCaptureSettings(), **options)
    assert (found.hflip, found.vflip) == expected


def test_tuning_files_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    folders = [tmp_path / "vc4", tmp_path / "pisp"]
    for folder in folders:
        folder.mkdir()
    file = folders[1] / "imx219_noir.json"
    file.write_text("{}")

    assert find_tuning_file("", folders) == ""
    assert find_tuning_file("imx219_noir.json", folders) == str(file)
    assert find_tuning_file(str(file), folders) == str(file)
    with pytest.raises(SourceUnavailable, match=r'did you mean "imx219_noir\.json"'):
        find_tuning_file("imx219_nior.json", folders)
    with pytest.raises(SourceUnavailable, match="no such file"):
        find_tuning_file(str(tmp_path / "none.json"), folders)
