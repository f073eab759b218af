"""The source on a real driver of the kernel: the HDMI input of vivid in the device lab."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lkedge_hdmi.edid_presets import preset
from lkedge_hdmi.options import HdmiOptions
from lkedge_hdmi.probe import probe
from lkedge_hdmi.source import HdmiSource

from lkedge.errors import SourceLost
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.testing.lab import LabDevices
from lkedge.testing.source_contract import VideoSourceContract

pytestmark = pytest.mark.device

CURRENT, NO_SIGNAL, NO_LOCK, OUT_OF_RANGE, SELECTED = 0, 1, 2, 3, 4
"""Of vivid's control dv_timings_signal_mode; without a signal vivid takes the 5 V away too."""

PROGRESSIVE = (2, 4)
"""Of vivid's control dv_timings: 720x480 and 720x576; the entries between are interlaced."""

SETTLED = 200
"""Reads after which a change must have shown."""


def make(announced: VideoFormat | None = None, **options: str) -> HdmiSource:
    capture = VideoCaptureSettings(320, 180, 30)
    if announced is not None:
        capture = VideoCaptureSettings(announced.width, announced.height, announced.framerate)
    return HdmiSource(capture, HdmiOptions(device=LabDevices().video("hdmi"), **options))  # type: ignore[arg-type]


@contextlib.contextmanager
def opened(source: HdmiSource) -> Iterator[VideoFormat]:
    announced = source.open()
    try:
        yield announced
    finally:
        source.close()


@pytest.fixture(autouse=True)
def healthy(lab_devices: LabDevices) -> Iterator[None]:
    """A signal before and after each test."""
    lab_devices.set_controls("hdmi", dv_timings_signal_mode=CURRENT)
    yield
    lab_devices.set_controls("hdmi", dv_timings_signal_mode=CURRENT)


class TestHdmi(VideoSourceContract):
    opens = 3
    drifting_controls = frozenset({"gain"})

    def make_source(self, tmp_path: Path) -> HdmiSource:
        return make()

    def test_controls_can_be_set_to_their_default(self, tmp_path: Path) -> None:
        pytest.skip("the defaults of vivid's controls change its signal")


def read_until_condition(source: HdmiSource, condition: str) -> VideoFrame:
    for _ in range(SETTLED):
        frame = source.read()
        if source.condition == condition:
            return frame
    raise AssertionError(f"the condition is {source.condition!r}, not {condition!r}")


@pytest.mark.parametrize(
    ("mode", "condition"), [(NO_SIGNAL, "no cable"), (NO_LOCK, "no sync"), (OUT_OF_RANGE, "out of range")]
)
def test_a_fault_of_the_signal_is_a_slate_and_heals_in_place(
    lab_devices: LabDevices, mode: int, condition: str
) -> None:
    source = make()
    with opened(source) as announced:
        source.read()
        lab_devices.set_controls("hdmi", dv_timings_signal_mode=mode)

        slate = read_until_condition(source, condition)
        again = source.read()
        lab_devices.set_controls("hdmi", dv_timings_signal_mode=CURRENT)
        read_until_condition(source, "")

    assert (slate.width, slate.height) == (announced.width, announced.height)
    assert again.captured_ns - slate.captured_ns >= 900_000_000


def test_an_input_without_a_signal_opens_with_a_slate(lab_devices: LabDevices) -> None:
    lab_devices.set_controls("hdmi", dv_timings_signal_mode=NO_SIGNAL)
    source = make()
    with opened(source) as announced:
        frame = source.read()

    assert announced == VideoFormat(320, 180, 30)
    assert (frame.width, frame.height) == (320, 180)


def test_another_size_is_followed_by_opening_again(lab_devices: LabDevices) -> None:
    source = make()
    with opened(source) as before:
        source.read()
        wanted = next(index for index in PROGRESSIVE if index != lab_devices.control("hdmi", "dv_timings"))
        lab_devices.set_controls("hdmi", dv_timings=wanted)
        lab_devices.set_controls("hdmi", dv_timings_signal_mode=SELECTED)
        error = lost(source)
    after_source = make()
    with opened(after_source) as after:
        frame = after_source.read()

    assert "it is opened again" in str(error)
    assert after != before
    assert (frame.width, frame.height) == (after.width, after.height)


def test_without_an_edid_there_is_no_signal(lab_devices: LabDevices) -> None:
    subprocess.run(["v4l2-ctl", "-d", lab_devices.video("hdmi"), "--clear-edid"], check=True, timeout=30)
    source = make(edid="keep")
    with opened(source):
        source.read()
        condition = source.condition
    healed = make(edid="auto")
    with opened(healed):
        healed.read()

    assert condition == "no signal"
    assert healed.condition == ""


def test_presets_reach_the_driver() -> None:
    for name in ("720p60", "1080p30"):
        with opened(make(edid=name)):
            pass
        (found,) = [info for info in probe() if LabDevices().video("hdmi") in info.config or "vivid-001" in str(info)]
        assert found.details["EDID"] == "lkedge"


def test_an_edid_file_reaches_the_driver(tmp_path: Path) -> None:
    file = tmp_path / "own.hex"
    file.write_text(preset("1080p60").hex())
    with opened(make(edid_file=str(file))):
        pass


def test_unplugged_is_a_slate_and_heals(lab_devices: LabDevices) -> None:
    source = make()
    with opened(source):
        source.read()
        with lab_devices.unplugged("hdmi"):
            read_until_condition(source, "no device")


def lost(source: HdmiSource) -> SourceLost:
    try:
        for _ in range(SETTLED):
            source.read()
    except SourceLost as error:
        return error
    raise AssertionError("the source was not lost")
