"""lkedge and its plugins, installed from their wheels, on the guest's own Python and devices."""

from __future__ import annotations

import json

import pytest

from lkedge.testing.lab import VIDEO
from tests.device.harness.guest import Guest
from tests.device.harness.packages import LKEDGE, plugins_with_device_tests, run_device_tests

PLUGIN_DEADLINE_S = 800.0
LIST_S = 120.0


def test_the_devices_are_there(guest: Guest) -> None:
    for name in VIDEO:
        assert guest.run("test", "-c", f"/dev/lab/{name}").returncode == 0, guest.run(
            "v4l2-ctl", "--list-devices"
        ).output
    assert "Loopback" in guest.pull("/proc/asound/cards")


def test_all_plugins_load(guest: Guest) -> None:
    done = guest.run(LKEDGE, "plugins")
    assert done.returncode == 0, done.output


def test_devices_are_listed_in_groups_with_configuration_to_paste(guest: Guest) -> None:
    """All of vivid's modes take long in an emulated machine."""
    command = (LKEDGE, "devices", "--json", "--timeout", str(LIST_S))
    devices = json.loads(guest.run(*command, timeout=2 * LIST_S).check().stdout)
    drivers = {(device["group"], device["plugin"], device["details"].get("driver", "")) for device in devices}
    assert ("camera", "v4l2", "vivid, platform:vivid-000") in drivers
    assert any((group, plugin) == ("hdmi", "hdmi") for group, plugin, _ in drivers)
    assert any((group, plugin) == ("microphone", "alsa") for group, plugin, _ in drivers)
    encoders = {device["name"]: device["details"] for device in devices if device["group"] == "encoder"}
    assert "this machine has no V4L2 encoder for H.264" in encoders["h264-v4l2m2m"]["result"]


def test_the_doctor_knows_the_machine(guest: Guest) -> None:
    report = json.loads(guest.run(LKEDGE, "doctor", "--json", timeout=LIST_S).stdout)
    findings = {finding["subject"]: finding for finding in report["findings"]}
    assert findings["cameras and encoders"]["level"] == "ok"
    assert findings["sound"]["level"] == "ok"
    assert findings["plugins"]["level"] == "ok"
    assert "no V4L2 encoder" in findings["encoder h264-v4l2m2m"]["seen"]
    assert findings["configuration"]["level"] == "fail"


def test_the_command_line_lists_sound_cards(guest: Guest) -> None:
    devices = json.loads(guest.run(LKEDGE, "devices", "--kind", "audio", "--json").check().stdout)
    assert "[[track]]" in next(device["config"] for device in devices if "Loopback" in device["name"])


@pytest.mark.parametrize("plugin", plugins_with_device_tests())
def test_device_tests_of_plugin(guest: Guest, plugin: str) -> None:
    """The plugin's own tests with the marker `device`; its report is ours."""
    passed, output = run_device_tests(guest, plugin, PLUGIN_DEADLINE_S)
    print(output)
    assert passed, f"the device tests of {plugin} failed inside the lab; pytest's output is above"
