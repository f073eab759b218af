"""The source's contract on a real driver of the kernel: the webcam of vivid in the device lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.source import V4l2Source

from lkedge.errors import SourceLost
from lkedge.plugin.api import VideoCaptureSettings
from lkedge.testing.lab import LabDevices
from lkedge.testing.source_contract import VideoSourceContract

pytestmark = pytest.mark.device
SMALL = VideoCaptureSettings(320, 180, 30.0)


def camera(**options: Any) -> V4l2Source:
    return V4l2Source(SMALL, V4l2Options(device=LabDevices().video("webcam"), **options))


def read_for_ever(source: V4l2Source) -> None:
    while True:
        source.read()


class TestWebcam(VideoSourceContract):
    capabilities = frozenset({"missing", "vanishes"})
    drifting_controls = frozenset({"gain"})
    opens = 5

    def make_source(self, tmp_path: Path) -> V4l2Source:
        return camera()

    def make_missing_source(self, tmp_path: Path) -> V4l2Source:
        return V4l2Source(SMALL, V4l2Options(device="/dev/lab/nothing"))

    def vanish(self, source: V4l2Source) -> None:
        LabDevices().set_controls("webcam", disconnect=1)


@pytest.mark.parametrize("input_format", ["yuyv", "yu12", "nv12"])
def test_every_raw_format_delivers(input_format: str) -> None:
    source = camera(input_format=input_format)
    try:
        assert source.open().width == 320
        assert source.read().height == 180
    finally:
        source.close()


def test_a_failing_queue_ends_in_source_lost(lab_devices: LabDevices) -> None:
    source = camera()
    source.open()
    try:
        source.read()
        lab_devices.set_controls("webcam", inject_fatal_streaming_error=1)
        with pytest.raises(SourceLost, match=lab_devices.video("webcam")):
            read_for_ever(source)
    finally:
        source.close()


def test_damaged_buffers_are_left_out(lab_devices: LabDevices) -> None:
    source = camera()
    source.open()
    try:
        for _ in range(3):
            lab_devices.set_controls("webcam", inject_v4l2_buf_flag_error=1)
            assert source.read().width == 320
    finally:
        source.close()


def test_unplugged_is_lost_and_plugged_in_again_works(lab_devices: LabDevices) -> None:
    source = camera()
    source.open()
    with lab_devices.unplugged("webcam"), pytest.raises(SourceLost):
        read_for_ever(source)
    source.close()
    again = camera()
    assert again.open().height == 180
    again.close()
