"""Controls, times and the list of devices on the webcam of vivid in the device lab."""

from __future__ import annotations

import time

import pytest
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.probe import probe
from lkedge_v4l2.source import V4l2Source

from lkedge.errors import SourceError, SourceUnavailable
from lkedge.plugin.api import ControlKind, VideoCaptureSettings
from lkedge.testing.lab import LabDevices

pytestmark = pytest.mark.device
SMALL = VideoCaptureSettings(320, 180, 30.0)


def camera(**options: object) -> V4l2Source:
    return V4l2Source(SMALL, V4l2Options(device=LabDevices().video("webcam"), **options))  # type: ignore[arg-type]


def test_controls_of_the_configuration_reach_the_driver(lab_devices: LabDevices) -> None:
    source = camera(controls={"brightness": 77, "contrast": 66})
    source.open()
    try:
        assert lab_devices.control("webcam", "brightness") == 77
        source.set_control("brightness", 120)
        assert lab_devices.control("webcam", "brightness") == 120
    finally:
        source.close()


def test_every_kind_of_control_is_read() -> None:
    source = camera()
    source.open()
    try:
        controls = {control.name: control for control in source.controls()}
    finally:
        source.close()

    assert {control.kind for control in controls.values()} >= {
        ControlKind.BOOLEAN,
        ControlKind.INTEGER,
        ControlKind.MENU,
        ControlKind.TEXT,
    }
    menu = controls["test_pattern"]
    assert menu.value in menu.choices


def test_a_wrong_control_is_explained() -> None:
    with pytest.raises(SourceUnavailable, match="brightness is 9999"):
        camera(controls={"brightness": 9999}).open()
    source = camera()
    source.open()
    try:
        with pytest.raises(SourceError, match="no control 'brightnes'; did you mean \"brightness\""):
            source.set_control("brightnes", 1)
    finally:
        source.close()


def test_times_are_those_of_the_driver() -> None:
    source = camera()
    source.open()
    try:
        times = [source.read().captured_ns for _ in range(5)]
    finally:
        source.close()

    assert times == sorted(set(times))
    assert time.monotonic_ns() - times[-1] < 1_000_000_000


def test_the_webcam_is_listed_with_choice_and_controls() -> None:
    found = [info for info in probe() if info.details["node"].startswith("/dev/video") and "brightness" in str(info)]

    assert found
    assert "chosen without other wishes" in found[0].details
