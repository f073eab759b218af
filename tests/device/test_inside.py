"""lkedge and its plugins, installed from their wheels, on the guest's own Python and devices."""

from __future__ import annotations

import json

import pytest

from tests.device.harness.guest import Guest
from tests.device.harness.packages import LKEDGE, PYTHON, plugins_with_device_tests, run_device_tests

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


def test_devices_are_listed_with_configuration_to_paste(guest: Guest) -> None:
    """Asked of one plugin after the other: all of vivid's modes take longer than a hook may in an emulated machine."""
    script = "import lkedge_v4l2.probe as probe; print([(one.details['driver'], one.config) for one in probe.probe()])"
    listed = guest.run(PYTHON, "-c", script).check().stdout
    assert "vivid, platform:vivid-000" in listed
    assert 'source = "v4l2"' in listed


def test_the_command_line_lists_sound_cards(guest: Guest) -> None:
    devices = json.loads(guest.run(LKEDGE, "devices", "--kind", "audio", "--json").check().stdout)
    assert "[[track]]" in next(device["config"] for device in devices if "Loopback" in device["name"])


@pytest.mark.parametrize("plugin", plugins_with_device_tests())
def test_device_tests_of_plugin(guest: Guest, plugin: str) -> None:
    """The plugin's own tests with the marker `device`; its report is ours."""
    passed, output = run_device_tests(guest, plugin, PLUGIN_DEADLINE_S)
    print(output)
    assert passed, f"the device tests of {plugin} failed inside the lab; pytest's output is above"
