from __future__ import annotations

import errno
import tomllib

from fake_hdmi import HD, FakeHdmiKernel
from lkedge_hdmi.edid_presets import preset
from lkedge_hdmi.probe import probe


def test_an_input_is_listed_with_its_signal_and_configuration() -> None:
    kernel = FakeHdmiKernel(HD)
    kernel.edid = preset("1080p30")
    kernel.link_table["/dev/v4l/by-path"] = {"platform-csi": "/dev/video0"}

    (device,) = probe(kernel)

    assert device.details["signal"] == "1920x1080@30"
    assert device.details["EDID"] == "lkedge"
    assert tomllib.loads(device.config)["track"] == [
        {
            "name": "hdmi",
            "source": "hdmi",
            "publish_as": "screen_share",
            "hdmi": {"device": "/dev/v4l/by-path/platform-csi", "edid": "1080p30"},
        }
    ]
    assert kernel.open_fds == []
    assert kernel.calls == []


def test_no_signal_and_no_edid_are_told() -> None:
    (device,) = probe(FakeHdmiKernel(errno.ENOLINK))

    assert device.details["signal"] == "no signal"
    assert device.details["EDID"].startswith("none")


def test_a_bridge_in_a_media_graph_is_listed_once() -> None:
    (device,) = probe(FakeHdmiKernel(HD, has_graph=True))

    assert device.details["bridge"] == "tc358743 10-000f (/dev/v4l-subdev0, /dev/media0)"


def test_a_camera_is_no_hdmi_input() -> None:
    assert probe(FakeHdmiKernel(has_timings=False)) == []
