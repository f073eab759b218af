from __future__ import annotations

import errno
import tomllib

import pytest
from fake_kernel import FakeCamera, FakeControl, FakeKernel, menu_control
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.names import find_device, shown_path
from lkedge_v4l2.probe import probe

from lkedge.errors import SourceUnavailable

CAMERA = FakeCamera({"MJPG": {(1280, 720): [30]}, "YUYV": {(640, 480): [30]}}, card="HD Pro Webcam C920")
BY_ID = "/dev/v4l/by-id"


def test_a_camera_comes_with_configuration_that_loads() -> None:
    kernel = FakeKernel(CAMERA)
    kernel.link_table[BY_ID] = {"usb-c920-index0": "/dev/video0"}

    (device,) = probe(kernel)

    track = tomllib.loads(device.config)["track"][0]
    assert device.name == "HD Pro Webcam C920"
    assert track == {
        "name": "hd-pro-webcam-c920",
        "source": "v4l2",
        "capture": {"width": 1280, "height": 720, "framerate": 30},
        "v4l2": {"device": "/dev/v4l/by-id/usb-c920-index0"},
    }
    assert device.details["MJPG"] == "1280x720@30"
    assert kernel.open_fds == []


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EACCES, errno.ENODEV])
def test_a_node_that_cannot_be_opened_is_left_out(number: int) -> None:
    kernel = FakeKernel(CAMERA)
    kernel.fail["open"] = number

    assert probe(kernel) == []


def test_a_metadata_node_is_left_out() -> None:
    assert probe(FakeKernel(FakeCamera({}, caps=v4l2.CAP_STREAMING))) == []


def test_device_may_be_a_name_below_by_id() -> None:
    kernel = FakeKernel(CAMERA)
    kernel.link_table[BY_ID] = {"usb-c920-index0": "/dev/video0"}

    assert find_device("usb-c920-index0", kernel) == f"{BY_ID}/usb-c920-index0"
    assert find_device("video0", kernel) == "/dev/video0"
    assert find_device("/dev/video9", kernel) == "/dev/video9"


def test_a_node_is_shown_with_its_stable_name() -> None:
    kernel = FakeKernel(CAMERA)
    kernel.link_table[BY_ID] = {"usb-c920-index0": "/dev/video0"}

    assert shown_path("/dev/video0", kernel) == f"/dev/video0, {BY_ID}/usb-c920-index0"
    assert shown_path(f"{BY_ID}/usb-c920-index0", kernel) == f"/dev/video0, {BY_ID}/usb-c920-index0"
    assert shown_path("/dev/video7", kernel) == "/dev/video7"


def test_controls_and_the_choice_are_listed() -> None:
    kernel = FakeKernel(CAMERA)
    kernel.controls = [FakeControl(1, "Brightness", default=3), menu_control(2)]

    (device,) = probe(kernel)

    assert device.details["controls"] == "brightness = 3 (0 to 255), power_line = 50 Hz (off | 50 Hz)"
    assert device.details["chosen without other wishes"] == (
        "MJPG 1280x720@30 (no size is wanted, so 1280x720; YUYV does not have this size)"
    )


def test_no_device_means_the_first_camera() -> None:
    assert find_device("", FakeKernel(CAMERA)) == "/dev/video0"


def test_without_any_camera_it_says_so() -> None:
    kernel = FakeKernel(CAMERA)
    kernel.video_nodes = list  # type: ignore[method-assign,assignment]

    with pytest.raises(SourceUnavailable, match="there is no camera"):
        find_device("", kernel)
