"""Controls as they are shown and as libcamera takes them; regions of the sensor."""

from __future__ import annotations

from typing import Any

import pytest
from fake_libcamera import MODULE, Rectangle, controls
from lkedge_picamera2 import region
from lkedge_picamera2.control_types import CameraControl, camera_control, control_name, to_camera, to_control
from lkedge_picamera2.controls import described, value_names

from lkedge.plugin.api import Control, ControlKind

VIEW = (0, 0, 4608, 2592)


def known(key: str) -> CameraControl:
    return camera_control(*controls()[key], value_names(MODULE, key))


def shown(key: str, value: Any = None) -> Control:
    return to_control(known(key), value)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("AeEnable", "ae_enable"),
        ("HdrMode", "hdr_mode"),
        ("FrameDurationLimits", "frame_duration_limits"),
        ("CnnEnableInputTensor", "cnn_enable_input_tensor"),
        ("ZSL", "zsl"),
        ("Rule3Of", "rule3_of"),
    ],
)
def test_names(key: str, name: str) -> None:
    assert control_name(key) == name


@pytest.mark.parametrize(
    ("key", "kind", "value", "minimum", "maximum"),
    [
        ("AeEnable", ControlKind.BOOLEAN, True, None, None),
        ("AfMode", ControlKind.MENU, "manual", None, None),
        ("ExposureTime", ControlKind.INTEGER, 20_000, 0, 66_666),
        ("AnalogueGain", ControlKind.NUMBER, 1.0, 0, 16.0),
        ("Brightness", ControlKind.NUMBER, 0.0, -1.0, 1.0),
        ("ColourGains", ControlKind.TEXT, "", None, None),
        ("FrameDurationLimits", ControlKind.TEXT, "17849, 17849", None, None),
        ("ScalerCrop", ControlKind.TEXT, "", None, None),
    ],
)
def test_what_is_shown_of_a_control(
    key: str, kind: ControlKind, value: Any, minimum: float | None, maximum: float | None
) -> None:
    control = shown(key)
    assert (control.kind, control.value, control.minimum, control.maximum) == (kind, value, minimum, maximum)


def test_menus_have_only_what_this_camera_does() -> None:
    assert shown("AfMode").choices == ("manual", "auto", "continuous")
    assert shown("NoiseReductionMode").choices == ("off", "fast")


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("AfMode", 2, "continuous"),
        ("ExposureTime", 4999, 4999),
        ("ScalerCrop", Rectangle(1, 2, 3, 4), "1, 2, 3, 4"),
        ("AfWindows", ((1, 2, 3, 4), (5, 6, 7, 8)), "1, 2, 3, 4, 5, 6, 7, 8"),
        ("ColourGains", (1.81234567, 2.0), "1.8123, 2"),
        ("AfMode", 77, "manual"),
    ],
)
def test_values_of_libcamera_are_shown(key: str, raw: Any, value: Any) -> None:
    assert shown(key, raw).value == value


@pytest.mark.parametrize(
    ("key", "value", "raw"),
    [
        ("AfMode", "auto", 1),
        ("Brightness", 0.5, 0.5),
        ("ColourGains", "1.5 1.25", (1.5, 1.25)),
        ("FrameDurationLimits", "33333, 66666", (33_333, 66_666)),
        ("ScalerCrop", "1, 2, 3, 4", (1, 2, 3, 4)),
        ("AfWindows", "1, 2, 3, 4, 5, 6, 7, 8", [(1, 2, 3, 4), (5, 6, 7, 8)]),
    ],
)
def test_values_for_libcamera(key: str, value: Any, raw: Any) -> None:
    assert to_camera(known(key), value) == raw


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("ColourGains", "1.5", "must be 2 numbers"),
        ("ColourGains", "a, b", "must be 2 numbers"),
        ("ColourGains", "1.5, 99", "from 0 to 32"),
        ("ScalerCrop", "1, 2, 3", "must be 4 numbers"),
        ("AfWindows", "1, 2, 3, 4, 5", "4 numbers for each"),
        ("ScalerCrop", "1, 2, nan, 4", "must be 4 numbers"),
    ],
)
def test_wrong_texts_are_refused(key: str, value: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        to_camera(known(key), value)


def test_a_control_is_described_for_the_list_of_devices() -> None:
    assert described(shown("ExposureTime")) == "exposure_time = 20000 (an integer from 0 to 66666 us)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0, 0, 1, 1", (0, 0, 4608, 2592)),
        ("0.25, 0.25, 0.5, 0.5", (1152, 648, 2304, 1296)),
        ("0, 0, 0.5, 1", (0, 648, 2304, 1296)),
    ],
)
def test_a_region_keeps_the_shape_of_the_picture(text: str, expected: tuple[int, int, int, int]) -> None:
    assert region.crop(text, VIEW, 1280, 720) == expected


@pytest.mark.parametrize("text", ["", "0, 0, 1", "0.6, 0, 0.5, 0.5", "-0.1, 0, 1, 1", "0, 0, 0.01, 0.01", "left"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fractions of the whole view"):
        region.normal(text)


def test_regions_are_shown_in_one_way() -> None:
    assert region.normal("0 0 1.0 0.50") == "0, 0, 1, 0.5"
