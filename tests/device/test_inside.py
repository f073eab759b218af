"""lkedge and its plugins, installed from their wheels, on the guest's own Python and devices."""

from __future__ import annotations

import json

import pytest

from tests.device.harness.guest import Guest
from tests.device.harness.packages import LKEDGE, plugins_with_device_tests, run_device_tests

PLUGIN_DEADLINE_S = 800.0


def test_the_devices_are_there(guest: Guest) -> None:
    for name in ("webcam", "hdmi", "encoder", "decoder"):
        assert guest.run("test", "-c", f"/dev/lab/{name}").returncode == 0, guest.run(
            "v4l2-ctl", "--list-devices"
        ).output
    assert "Loopback" in guest.pull("/proc/asound/cards")


def test_all_plugins_load(guest: Guest) -> None:
    done = guest.run(LKEDGE, "plugins")
    assert done.returncode == 0, done.output


def test_the_webcam_is_listed_with_configuration_to_paste(guest: Guest) -> None:
    devices = json.loads(guest.run(LKEDGE, "devices", "--json").check().stdout)
    found = [device for device in devices if device["plugin"] == "v4l2" and "vivid" in json.dumps(device).lower()]
    assert found, devices
    assert "[[track]]" in found[0]["config"]


@pytest.mark.parametrize("plugin", plugins_with_device_tests())
def test_device_tests_of_plugin(guest: Guest, plugin: str) -> None:
    """The plugin's own tests with the marker `device`; its report is ours."""
    passed, output = run_device_tests(guest, plugin, PLUGIN_DEADLINE_S)
    print(output)
    assert passed, f"the device tests of {plugin} failed inside the lab; pytest's output is above"
