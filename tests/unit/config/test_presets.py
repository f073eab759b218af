from __future__ import annotations

import pytest

from lkedge.config.presets import VIDEO_PRESET_NAMES, video_preset


def test_a_preset_has_the_shape_of_the_capture() -> None:
    assert (video_preset("h360").width, video_preset("h360", 640, 480).width) == (640, 480)


def test_a_preset_of_the_other_family_is_found_too() -> None:
    assert video_preset("h2160", 640, 480).width == 3840
    assert video_preset("h480", 1280, 720).width == 640


def test_names_go_from_small_to_large() -> None:
    assert VIDEO_PRESET_NAMES[0] == "h90"
    assert VIDEO_PRESET_NAMES[-1] == "h2160"


def test_an_unknown_preset_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        video_preset("h181")
