from __future__ import annotations

import sys

import pytest

from lkedge.daemon import device_list
from lkedge.daemon.device_list import list_devices
from lkedge.errors import PluginError
from lkedge.plugin.api import DeviceGroup, DeviceInfo
from lkedge.terms import TrackKind

CAMERA = """[{"plugin": "v4l2", "name": "C920", "kind": "video", "config": "[[track]]", "group": "camera",
              "details": {"node": "/dev/video0"}}]"""


def printing(text: str, complaint: str = "") -> tuple[str, ...]:
    script = f"import sys; print({text!r}); print({complaint!r}, file=sys.stderr)"
    return (sys.executable, "-c", script)


async def test_what_the_command_prints_is_the_list() -> None:
    expected = DeviceInfo(
        "v4l2", "C920", TrackKind.VIDEO, "[[track]]", {"node": "/dev/video0"}, group=DeviceGroup.CAMERA
    )
    assert await list_devices(printing(CAMERA)) == [expected]


async def test_the_command_is_the_one_for_people() -> None:
    encoders = [device.name for device in await list_devices() if device.group is DeviceGroup.ENCODER]
    assert {"vp8", "x264"} <= set(encoders)


async def test_a_crash_is_told_with_what_was_said_last() -> None:
    with pytest.raises(PluginError, match=r"cannot be read \(libcamera: aborted\).*lkedge devices"):
        await list_devices(printing("", "some line\nlibcamera: aborted"))


async def test_a_hang_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LKEDGE_PROBE_SECONDS", "0.2")
    monkeypatch.setattr(device_list, "START_S", 0.2)
    with pytest.raises(PluginError, match="no list of devices within"):
        await list_devices((sys.executable, "-c", "import time; time.sleep(3600)"))
