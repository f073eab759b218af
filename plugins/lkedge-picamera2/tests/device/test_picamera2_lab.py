"""The source with the real libcamera and picamera2 on the kernel's vimc: a sensor with one RGB stream and no ISP."""

from __future__ import annotations

import concurrent.futures
import ctypes
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lkedge_picamera2 import library
from lkedge_picamera2.camera import Camera
from lkedge_picamera2.cameras import choose, listed
from lkedge_picamera2.options import Picamera2Options
from lkedge_picamera2.probe import COMMAND
from lkedge_picamera2.source import Picamera2Source

from lkedge.errors import SourceStuck, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings
from lkedge.testing.source_contract import VideoSourceContract

pytestmark = [pytest.mark.device, pytest.mark.timeout(300)]

SMALL = VideoCaptureSettings(320, 180, 30.0)
SENSOR = "platform/vimc.0 Sensor B"
PATIENT_S = 20.0
BUFFERS = 4
"""Of vimc, whatever is asked for."""


@pytest.fixture(autouse=True, scope="module")
def quick() -> None:
    """vimc makes 1920x1080 whatever is asked for; without averaging it takes half the time."""
    for node in Path("/sys/class/video4linux").glob("v4l-subdev*"):
        if (node / "name").read_text().strip() == "Debayer B":
            command = ["v4l2-ctl", "-d", f"/dev/{node.name}", "-c", "debayer_mean_window_size=1"]
            subprocess.run(command, check=True, timeout=30)


def make(capture: VideoCaptureSettings = SMALL, **options: Any) -> Picamera2Source:
    return Picamera2Source(capture, Picamera2Options(**{"camera": SENSOR, "stall_after": PATIENT_S, **options}))


@contextmanager
def opened(**options: Any) -> Iterator[Picamera2Source]:
    source = make(**options)
    source.open()
    try:
        yield source
    finally:
        source.close()


def device_of(source: Picamera2Source) -> Any:
    """picamera2's own object, to spoil it."""
    assert source._camera is not None
    return source._camera._device


def read_for_ever(source: Picamera2Source) -> None:
    while True:
        source.read()


class TestVimc(VideoSourceContract):
    capabilities = frozenset({"missing"})
    opens = 2

    def make_source(self, tmp_path: Path) -> Picamera2Source:
        return make()

    def make_missing_source(self, tmp_path: Path) -> Picamera2Source:
        return make(camera="imx708")


def test_a_missing_camera_is_answered_with_the_ids() -> None:
    with pytest.raises(SourceUnavailable, match=SENSOR):
        make(camera="imx708").open()


def test_a_camera_in_use_is_told_with_the_remedy() -> None:
    """Claimed, but not running: vimc, unlike a Pi's camera, is not even found by others while it runs."""
    module = library.load()
    camera = Camera(module, choose(listed(module.Picamera2.global_camera_info()), SENSOR))
    try:
        script = f"from {Path(__file__).stem} import make; make().open()"
        command = [COMMAND[0], "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parent)
    finally:
        camera.close()
    assert "another program uses it; `fuser" in done.stderr


def test_a_camera_that_cannot_turn_says_so() -> None:
    with pytest.raises(SourceUnavailable, match="remove rotation, hflip and vflip"):
        make(rotation=180).open()


def test_controls_of_the_configuration_are_taken() -> None:
    with opened(controls={"brightness": 0.25}) as source:
        source.read()
        shown = {control.name: control.value for control in source.controls()}
    assert shown["brightness"] == 0.25


def test_pictures_are_lent_and_copied_in_turn() -> None:
    with opened() as source:
        held = [source.read() for _ in range(BUFFERS + 1)]
    assert [frame.dmabuf >= 0 for frame in held] == [True] + [False] * BUFFERS


def test_a_held_picture_outlives_the_camera() -> None:
    with opened() as source:
        frame = source.read()
        before = content(frame)
    assert content(frame) == before


def test_silence_asks_for_a_new_worker_and_the_camera_is_released() -> None:
    """Requests that nobody gives back are one way to silence libcamera without a word."""
    with opened(stall_after=5.0) as source:
        source.read()
        device_of(source).post_callback = lambda request: request.acquire()
        with pytest.raises(SourceStuck, match="no picture from camera"):
            read_for_ever(source)
    with opened() as again:
        again.read()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_died_does_not_hang_the_closing() -> None:
    """An exception in a callback ends picamera2's loop; its own `stop` would wait for ever."""
    source = make(stall_after=5.0)
    source.open()
    source.read()
    device_of(source).post_callback = lambda request: 1 / 0
    with pytest.raises(SourceStuck):
        read_for_ever(source)
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 10
    with opened() as again:
        again.read()


def test_a_job_that_never_ends_does_not_hang_the_closing() -> None:
    source = make()
    source.open()
    source.read()
    with pytest.raises(concurrent.futures.TimeoutError):
        device_of(source).dispatch_functions([lambda: (False, None)], wait=0.1)
    source.close()
    with opened() as again:
        again.read()


def test_the_camera_is_listed() -> None:
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=True)
    tables = {table["id"]: table for table in json.loads(done.stdout)}
    assert "brightness = 0.0 (a number from -1 to 1)" in tables[SENSOR]["details"]["controls"]
    assert "640x360" in tables[SENSOR]["details"]["sensor"]


def content(frame: VideoFrame) -> bytes:
    return ctypes.string_at(frame.planes[0].pointer, frame.planes[0].stride * frame.height)
