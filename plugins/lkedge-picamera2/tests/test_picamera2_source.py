"""The source on a fake of picamera2: our side of it, and what happens when the other side fails."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_picamera2 import IMX219, IMX708, FakeDevice, FakeLibrary, Faults
from lkedge_picamera2 import camera as camera_module
from lkedge_picamera2 import source as source_module
from lkedge_picamera2.options import Picamera2Options
from lkedge_picamera2.source import Picamera2Source

from lkedge.errors import SourceClosed, SourceError, SourceStuck, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.testing.source_contract import VideoSourceContract

HD = VideoCaptureSettings(1280, 720, 30.0)


def make(library: FakeLibrary, capture: VideoCaptureSettings = HD, **options: Any) -> Picamera2Source:
    return Picamera2Source(capture, Picamera2Options(**{"stall_after": 0.5, **options}), load=library.load)


@contextmanager
def opened(library: FakeLibrary, capture: VideoCaptureSettings = HD, **options: Any) -> Iterator[Picamera2Source]:
    source = make(library, capture, **options)
    source.open()
    try:
        yield source
    finally:
        library.faults.released.set()
        source.close()


def luma(frame: VideoFrame) -> int:
    return ctypes.string_at(frame.planes[0].pointer, 1)[0]


def read_for_ever(source: Picamera2Source) -> None:
    while True:
        source.read()


class TestFakeCamera(VideoSourceContract):
    capabilities = frozenset({"missing", "vanishes", "two_at_once"})
    opens = 5

    def make_source(self, tmp_path: Path) -> Picamera2Source:
        self.library = FakeLibrary()
        return make(self.library, VideoCaptureSettings(320, 180, 30.0))

    def make_missing_source(self, tmp_path: Path) -> Picamera2Source:
        return make(FakeLibrary(cameras=()))

    def vanish(self, source: Picamera2Source) -> None:
        self.library.faults.silent = True


def test_picture_and_its_smaller_rendition_come_from_one_capture() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        frame = source.read()

    (small,) = frame.renditions
    assert (frame.width, frame.height, frame.pixel_format) == (1280, 720, "yuv420p")
    assert (small.width, small.height, small.planes[1].stride) == (640, 360, 320)
    assert small.captured_ns == frame.captured_ns
    assert luma(small) == luma(frame)


def test_planes_follow_the_stride_of_the_camera() -> None:
    with opened(FakeLibrary(), VideoCaptureSettings(480, 272, 30.0), lores="off") as source:
        frame = source.read()

    luma_plane, first, second = frame.planes
    assert luma_plane.stride == 512
    assert first.pointer - luma_plane.pointer == 512 * 272
    assert second.pointer - first.pointer == 256 * 136


def test_pictures_are_lent_with_their_dmabuf_until_few_buffers_are_left_and_copied_then() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        held = [source.read() for _ in range(10)]
        values = [luma(frame) for frame in held]
        time.sleep(0.05)
        assert [luma(frame) for frame in held] == values

    assert [frame.dmabuf >= 0 for frame in held] == [True] * 3 + [False] * 7
    assert held[0].renditions[0].dmabuf not in (-1, held[0].dmabuf)


def test_a_lent_picture_goes_back_when_its_last_frame_is_gone() -> None:
    with opened(FakeLibrary()) as source:
        for _ in range(30):
            frame = source.read()
            rendition = frame.renditions[0]
            del frame
            assert rendition.dmabuf >= 0


def test_a_held_picture_outlives_its_camera() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        frame = source.read()
        value = luma(frame)
    del source
    assert luma(frame) == value


def test_the_camera_is_asked_for_what_the_settings_say() -> None:
    library = FakeLibrary()
    settings: dict[str, Any] = {"camera": "imx219", "rotation": 180, "hflip": True, "fps_min": 5.0, "lores": "320x180"}
    with opened(library, **settings):
        device = library.devices[0]
        wanted = device.configuration

    assert device.number == 1
    assert (wanted["transform"].hflip, wanted["transform"].vflip) == (0, 1)
    assert device.set["FrameDurationLimits"] == (33_333, 200_000)
    assert wanted["lores"]["size"] == (320, 180)
    assert (wanted["raw"], wanted["queue"], wanted["display"]) == (None, False, None)


def test_a_rate_beyond_the_camera_is_announced_as_the_camera_does_it() -> None:
    source = make(FakeLibrary(), VideoCaptureSettings(1280, 720, 120.0))
    announced = source.open()
    source.close()
    assert announced == VideoFormat(1280, 720, 56.026)


def test_a_camera_with_one_stream_has_no_rendition() -> None:
    library = FakeLibrary(Faults(one_stream=True, format="BGR888"))
    with opened(library) as source:
        frame = source.read()
    assert frame.renditions == ()
    assert (frame.pixel_format, len(frame.planes)) == ("rgb24", 1)


def test_pictures_without_a_stamp_have_the_present_time() -> None:
    with opened(FakeLibrary(Faults(no_stamp=True))) as source:
        before = time.monotonic_ns()
        assert before < source.read().captured_ns <= time.monotonic_ns()


def test_only_the_newest_picture_is_kept() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        source.read()
        until = time.monotonic() + 5
        while len(library.devices[0].free) > 1 and time.monotonic() < until:
            time.sleep(0.01)
        first, second = source.read(), source.read()
    assert second.captured_ns - first.captured_ns < 1_000_000_000
    assert luma(first) > 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"camera": "imx477"}, IMX219),
        ({"camera": "imx"}, "several cameras"),
        ({"rotation": 90}, "0 or 180"),
        ({"fps_min": 60.0}, ""),
        ({"fps_min": 60.0, "fps_max": 30.0}, "fps_min = 60 is more than fps_max = 30"),
        ({"lores": "large"}, 'must be auto, off, or a size such as "640x360"'),
        ({"lores": "1920x1080"}, "must not be larger"),
        ({"tuning_file": "imx219_noire.json"}, "brings none of this name"),
        ({"controls": {"brightnes": 1}}, 'did you mean "brightness"'),
        ({"controls": {"brightness": 7.0}}, "allowed is a number from -1 to 1"),
        ({"controls": {"colour_gains": "1"}}, "must be 2 numbers"),
    ],
)
def test_wrong_settings_are_explained(options: dict[str, Any], sentence: str) -> None:
    library = FakeLibrary()
    source = make(library, **options)
    if not sentence:
        source.open()
        source.close()
        return
    with pytest.raises(SourceUnavailable, match="(?s).*" + sentence):
        source.open()
    assert all(device.closed for device in library.devices)


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        (Faults(refuse={"open": RuntimeError("Failed to acquire camera: Device or resource busy")}), "fuser"),
        (Faults(refuse={"open": PermissionError(13, "Permission denied")}), "group video"),
        (Faults(refuse={"configure": RuntimeError("failed to allocate: Cannot allocate memory")}), "cma="),
        (Faults(refuse={"start": RuntimeError("Camera start failed")}), "check its cable"),
        (Faults(format="MJPEG"), "source v4l2"),
        (Faults(no_transform=True), "remove rotation, hflip and vflip"),
    ],
)
def test_what_the_camera_refuses_is_explained(faults: Faults, sentence: str) -> None:
    library = FakeLibrary(faults)
    with pytest.raises(SourceUnavailable, match=sentence) as caught:
        make(library, rotation=180 if faults.no_transform else 0).open()
    assert IMX708 in str(caught.value)
    assert all(device.closed for device in library.devices)


def test_controls_reach_the_camera_and_show_what_it_made_of_them() -> None:
    library = FakeLibrary()
    with opened(
        library, controls={"exposure_time": 5000, "af_mode": "Continuous", "colour_gains": "1.5, 1.25"}
    ) as source:
        source.read()
        source.set_control("noise_reduction_mode", "fast")
        source.set_control("region", "0.5, 0.5, 0.5, 0.5")
        shown = {control.name: control for control in source.controls()}
        values = library.devices[0].set

    assert values["ExposureTime"] == 5000
    assert values["AfMode"] == 2
    assert values["ColourGains"] == (1.5, 1.25)
    assert values["NoiseReductionMode"] == 1
    assert values["ScalerCrop"] == (8 + 2304, 16 + 1296, 2304, 1296)
    assert shown["exposure_time"].value == 5000
    assert shown["af_mode"].value == "continuous"
    assert shown["noise_reduction_mode"].choices == ("off", "fast")
    assert shown["colour_gains"].value == "1.5, 1.25"
    assert shown["region"].value == "0.5, 0.5, 0.5, 0.5"


def test_controls_of_a_closed_camera_are_refused() -> None:
    source = make(FakeLibrary())
    assert source.controls() == ()
    with pytest.raises(SourceError, match="not open"):
        source.set_control("brightness", 0.5)


def test_silence_asks_for_a_new_worker() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        source.read()
        library.faults.silent = True
        with pytest.raises(SourceStuck, match=r"imx708.* for 0\.5 s"):
            read_for_ever(source)


def test_a_hang_in_stop_is_got_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "STOP_DEADLINE_S", 0.1)
    library = FakeLibrary()
    source = make(library)
    source.open()
    library.devices[0]._jobs = Deaf()
    source.close()
    assert library.devices[0].closed == 1


def test_a_hang_in_close_is_told_in_time_and_nothing_is_opened_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "CLOSE_DEADLINE_S", 0.2)
    monkeypatch.setattr(source_module, "EARLIER_DEADLINE_S", 0.1)
    library = FakeLibrary(Faults(hang={"close"}))
    source = make(library)
    source.open()
    try:
        for _ in range(2):
            with pytest.raises(SourceStuck, match="could not be closed"):
                source.close()
        with pytest.raises(SourceStuck, match="its process has to end"):
            make(FakeLibrary()).open()
    finally:
        library.faults.released.set()
    source.close()
    assert len(library.devices) == 1


def test_a_camera_that_is_still_closing_is_waited_for() -> None:
    library = FakeLibrary(Faults(hang={"close"}))
    first = make(library)
    first.open()
    closer = threading.Thread(target=first.close)
    closer.start()
    threading.Timer(0.1, library.faults.released.set).start()
    second = make(library)
    second.open()
    second.close()
    closer.join()
    assert [device.closed for device in library.devices] == [1, 1]


def test_a_close_while_the_camera_is_being_opened_wins() -> None:
    library = FakeLibrary(Faults(hang={"open"}))
    source = make(library)
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: errors.extend(_error_of(source.open)))
    thread.start()
    source.close()
    library.faults.released.set()
    thread.join(5)
    assert isinstance(errors[0], SourceClosed)
    assert [device.closed for device in library.devices] in ([], [1])


def test_an_exception_in_the_callback_does_not_end_the_loop() -> None:
    library = FakeLibrary()
    with opened(library) as source:
        device = library.devices[0]
        source.read()
        _break_next_acquire(device)
        assert source.read() is not source.read()
        assert device.loop is not None
        assert device.loop.is_alive()


def test_the_log_tells_once_what_is_delivered(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "lkedge_picamera2"), opened(FakeLibrary()) as source:
        for _ in range(3):
            source.read()
    assert [record.getMessage() for record in caplog.records] == [
        f'"{IMX708}" (imx708) delivers 1280x720 yuv420p at 30/s, and 640x360 along'
    ]


class Deaf(list[Any]):
    """A queue of jobs that nobody looks at: its loop is stuck in something else."""

    def __bool__(self) -> bool:
        return False


def _break_next_acquire(device: FakeDevice) -> None:
    request = device.made[0]

    def fail() -> None:
        del request.__dict__["acquire"]
        raise RuntimeError("CompletedRequest: acquiring lock with ref_count 0")

    request.__dict__["acquire"] = fail


def _error_of(call: Any) -> list[BaseException]:
    try:
        call()
    except BaseException as error:
        return [error]
    return []
