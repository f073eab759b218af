"""The source against a fake kernel: signal, slates, changes, EDID, errors."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable
from itertools import pairwise

import pytest
from fake_hdmi import HD, SECOND, SMALL, FakeHdmiKernel
from fake_kernel import FakeControl
from lkedge_hdmi.edid_presets import Timing, preset
from lkedge_hdmi.options import HdmiOptions
from lkedge_hdmi.source import HdmiSource
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import SourceClosed, SourceError, SourceLost, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.media.slate import draw_slate
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat

RATE = round(SMALL.framerate, 2)
LIKE_SMALL = VideoCaptureSettings(64, 48, RATE)
"""Slates of this size and rate are followed by pictures in place."""


def make(kernel: FakeHdmiKernel, capture: VideoCaptureSettings = LIKE_SMALL, **options: object) -> HdmiSource:
    return HdmiSource(
        capture,
        HdmiOptions(**{"device": "/dev/video0"} | options),  # type: ignore[arg-type]
        kernel=kernel,
        clock=kernel.clock,
        pause=kernel.clock.pause,
    )


def opened(kernel: FakeHdmiKernel, capture: VideoCaptureSettings = LIKE_SMALL, **options: object) -> HdmiSource:
    source = make(kernel, capture, **options)
    source.open()
    return source


def is_slate(frame: VideoFrame, words: str, device: str = "video0") -> bool:
    size = frame.width * frame.height * 3 // 2
    is_raw = frame.pixel_format == "yuv420p"
    return is_raw and ctypes.string_at(frame.planes[0].pointer, size) == draw_slate(
        frame.width, frame.height, (words, device)
    )


def test_the_pictures_of_a_signal_have_its_size() -> None:
    kernel = FakeHdmiKernel(HD)
    source = make(kernel, VideoCaptureSettings(640, 360, 15))

    assert source.open() == VideoFormat(1920, 1080, 30.0)
    frame = source.read()

    assert (frame.width, frame.height, frame.pixel_format) == (1920, 1080, "uyvy422")
    assert source.condition == ""
    assert kernel.calls == ["edid", "timings 1920x1080"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOLINK, "no signal"), (errno.ENOLCK, "no sync"), (errno.ERANGE, "out of range")],
)
def test_without_a_signal_there_is_a_slate_once_a_second(number: int, words: str) -> None:
    kernel = FakeHdmiKernel(number)
    source = make(kernel, VideoCaptureSettings(320, 180, 30))

    assert source.open() == VideoFormat(320, 180, 30)
    frames = [source.read() for _ in range(4)]

    assert source.condition == words
    assert all(is_slate(frame, words) for frame in frames)
    times = [frame.captured_ns for frame in frames]
    assert [later - earlier for earlier, later in pairwise(times)] == [SECOND] * 3


def test_without_five_volts_there_is_no_cable() -> None:
    kernel = FakeHdmiKernel(errno.ENOLINK)
    kernel.has_cable(False)
    source = opened(kernel)
    assert is_slate(source.read(), "no cable")

    kernel.has_cable(True)
    assert is_slate(source.read(), "no signal")


def test_without_a_device_there_is_a_slate_until_it_comes() -> None:
    kernel = FakeHdmiKernel()
    kernel.is_gone = True
    source = opened(kernel)
    assert is_slate(source.read(), "no device")
    assert source.condition == "no device"

    kernel.is_gone = False

    assert source.read().pixel_format == "uyvy422"
    assert source.condition == ""


def test_interlaced_pictures_are_out_of_range() -> None:
    kernel = FakeHdmiKernel()
    query = kernel._query_timings

    def interlaced(argument: object) -> None:
        query(argument)  # type: ignore[arg-type]
        argument.u.bt.interlaced = 1  # type: ignore[attr-defined]

    kernel._query_timings = interlaced  # type: ignore[method-assign]

    assert is_slate(opened(kernel).read(), "out of range")


@pytest.mark.parametrize("has_events", [True, False])
def test_a_signal_that_goes_and_comes_back_goes_on_in_place(has_events: bool) -> None:
    kernel = FakeHdmiKernel()
    kernel.has_events = has_events
    source = opened(kernel)
    source.read()

    kernel.change(errno.ENOLINK)
    slate = read_until(source, lambda frame: frame.pixel_format == "yuv420p")
    assert is_slate(slate, "no signal")
    assert not kernel.is_streaming

    kernel.change(SMALL)
    assert source.read().pixel_format == "uyvy422"
    assert source.condition == ""
    assert kernel.calls.count("timings 64x48") == 2


@pytest.mark.parametrize("has_events", [True, False])
def test_another_size_asks_to_be_opened_again(has_events: bool) -> None:
    kernel = FakeHdmiKernel()
    kernel.has_events = has_events
    source = opened(kernel)
    source.read()
    kernel.change(HD)

    with pytest.raises(SourceLost, match="the signal is 1920x1080@30 now, not 64x48"):
        read_until(source, lambda frame: False)
    source.close()

    assert kernel.open_fds == []
    assert make(kernel).open() == VideoFormat(1920, 1080, 30.0)


def test_a_signal_that_comes_in_another_size_than_the_slate_asks_to_be_opened_again() -> None:
    kernel = FakeHdmiKernel(errno.ENOLINK)
    source = opened(kernel, VideoCaptureSettings())
    assert source.read().width == 1280
    kernel.change(HD)

    with pytest.raises(SourceLost, match="1920x1080@30 now, not 1280x720@30"):
        source.read()


def test_times_rise_strictly_over_slates_and_pictures() -> None:
    kernel = FakeHdmiKernel()
    source = opened(kernel)
    times = [source.read().captured_ns for _ in range(3)]
    kernel.change(errno.ENOLCK)
    times += [source.read().captured_ns for _ in range(3)]
    kernel.change(SMALL)
    times += [source.read().captured_ns for _ in range(3)]

    assert times == sorted(set(times))


def test_unplugged_and_plugged_in_again() -> None:
    kernel = FakeHdmiKernel()
    source = opened(kernel)
    source.read()
    kernel.is_gone = True

    assert is_slate(source.read(), "no device")
    assert kernel.open_fds == []
    kernel.is_gone = False
    assert source.read().pixel_format == "uyvy422"


def test_a_signal_without_pictures_is_lost() -> None:
    kernel = FakeHdmiKernel()
    source = opened(kernel, stall_after=3.0)
    source.read()
    begin_ns = kernel.clock.now_ns
    kernel.streams = False

    with pytest.raises(SourceLost, match="no picture from HDMI for 3 s"):
        source.read()
    assert 3 <= (kernel.clock.now_ns - begin_ns) / SECOND < 4


def test_a_grabber_without_timings_is_asked_for_what_is_wanted() -> None:
    kernel = FakeHdmiKernel(has_timings=False)
    kernel.edid = None
    kernel.camera.sizes = {"UYVY": {}}
    source = make(kernel, VideoCaptureSettings(320, 180, 30))

    assert source.open() == VideoFormat(320, 180, 30)
    assert source.read().pixel_format == "uyvy422"


def test_the_first_bridge_is_found() -> None:
    kernel = FakeHdmiKernel()
    assert make(kernel, device="").open() == VideoFormat(64, 48, RATE)
    grabber = FakeHdmiKernel(has_timings=False)
    assert is_slate(opened(grabber, device="").read(), "no device", "HDMI")


def test_auto_gives_an_edid_only_to_a_bridge_without() -> None:
    empty, own = FakeHdmiKernel(), FakeHdmiKernel()
    own.edid = preset("720p60")

    opened(empty)
    opened(own)

    assert empty.edid == preset("1080p30")
    assert own.edid == preset("720p60")


def test_a_preset_replaces_what_is_there_but_not_itself() -> None:
    kernel = FakeHdmiKernel()
    kernel.edid = preset("720p60")
    opened(kernel, edid="1080p50").close()
    opened(kernel, edid="1080p50")

    assert kernel.edid == preset("1080p50")
    assert kernel.calls.count("edid") == 1


def test_keep_writes_nothing() -> None:
    kernel = FakeHdmiKernel()
    opened(kernel, edid="keep")
    assert kernel.edid == b""


def test_a_file_of_ones_own_is_set() -> None:
    kernel = FakeHdmiKernel()
    kernel.files["/etc/own.hex"] = preset("720p60").hex().encode()

    opened(kernel, edid_file="/etc/own.hex")

    assert kernel.edid == preset("720p60")


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (lambda kernel: None, {"edid_file": "/none"}, "edid_file /none cannot be read: No such file"),
        (
            lambda kernel: kernel.files.update({"/short": preset("720p60")[:130]}),
            {"edid_file": "/short"},
            "edid_file /short is not a usable EDID: it has 130 bytes",
        ),
        (lambda kernel: setattr(kernel, "edid", None), {"edid": "720p60"}, "takes no EDID"),
        (lambda kernel: kernel.fail.update({v4l2.REQBUFS: errno.EBUSY}), {}, "another program"),
        (lambda kernel: kernel.fail.update({"open": errno.EACCES}), {}, "group video"),
        (lambda kernel: None, {"controls": {"brightness": 3}}, "has no control 'brightness'"),
        (lambda kernel: None, {"input_format": "nv12"}, 'input_format = "nv12"; it offers RGB3, UYVY'),
    ],
)
def test_what_a_person_must_heal_is_unavailable(
    prepare: Callable[[FakeHdmiKernel], None], options: dict[str, object], words: str
) -> None:
    kernel = FakeHdmiKernel()
    prepare(kernel)

    with pytest.raises(SourceUnavailable, match=words):
        opened(kernel, **options)
    assert kernel.open_fds == []


def test_an_edid_that_the_driver_refuses_is_explained() -> None:
    from lkedge_v4l2 import videodev2_dv as dv

    kernel = FakeHdmiKernel()
    kernel.fail[dv.S_EDID] = errno.E2BIG

    with pytest.raises(SourceUnavailable, match="it holds fewer than 2 blocks"):
        opened(kernel, edid="720p60")


def test_controls_are_set_and_can_be_changed() -> None:
    kernel = FakeHdmiKernel()
    kernel.controls = [FakeControl(1, "Brightness")]
    source = opened(kernel, controls={"brightness": 3})
    assert source.controls()[0].value == 3

    source.set_control("brightness", 4)

    assert kernel.controls[0].value == 4


def test_without_a_device_there_are_no_controls() -> None:
    kernel = FakeHdmiKernel()
    kernel.is_gone = True
    source = opened(kernel)

    assert source.controls() == ()
    with pytest.raises(SourceError, match="no device now"):
        source.set_control("brightness", 4)


def test_a_bridge_of_its_own_is_set_up_through_the_media_graph() -> None:
    kernel = FakeHdmiKernel(HD, has_graph=True)
    source = make(kernel, device="")

    assert source.open() == VideoFormat(1920, 1080, 30.0)
    assert kernel.enabled == [(2, 3)]
    assert kernel.pad_formats == [
        ("/dev/v4l-subdev0", 0, 1920, 1080, 0x200F),
        ("/dev/v4l-subdev1", 0, 1920, 1080, 0x200F),
        ("/dev/v4l-subdev1", 4, 1920, 1080, 0x200F),
    ]
    assert kernel.chosen == ("UYVY", 1920, 1080)
    assert source.read().width == 1920
    source.close()
    assert kernel.open_fds == []


def test_a_node_in_a_media_graph_is_found_with_its_bridge() -> None:
    kernel = FakeHdmiKernel(HD, has_graph=True)
    opened(kernel, device="/dev/video0")
    assert kernel.enabled == [(2, 3)]


def test_close_ends_everything() -> None:
    kernel = FakeHdmiKernel()
    source = opened(kernel)
    source.close()
    source.close()

    with pytest.raises(SourceClosed):
        source.read()
    assert kernel.open_fds == []
    assert all(memory.closed for memory in kernel.memory)


def test_a_refusal_while_pictures_shall_go_on_is_told() -> None:
    kernel = FakeHdmiKernel(errno.ENOLINK)
    source = opened(kernel)
    source.read()
    kernel.fail[v4l2.STREAMON] = errno.ENOSPC
    kernel.change(SMALL)

    with pytest.raises(SourceLost, match="/dev/video0: the USB bus has no bandwidth left"):
        source.read()


def read_until(source: HdmiSource, is_it: Callable[[VideoFrame], bool], limit: int = 100) -> VideoFrame:
    for _ in range(limit):
        frame = source.read()
        if is_it(frame):
            return frame
    raise AssertionError(f"not within {limit} frames")


def test_a_timing_tells_its_rate() -> None:
    assert Timing(148_500, 1920, (88, 44, 148), 1080, (4, 5, 36), 16, ()).framerate == 60.0
