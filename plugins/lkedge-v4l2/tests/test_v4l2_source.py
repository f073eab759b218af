"""The source against a fake kernel: negotiation, streaming, errors, stalls, closing."""

from __future__ import annotations

import ctypes
import errno
import select
import threading
from collections import deque
from fractions import Fraction

import av
import pytest
from fake_kernel import FakeCamera, FakeControl, FakeKernel, menu_control
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.source import V4l2Source

from lkedge.errors import SourceClosed, SourceLost, SourceUnavailable
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat

MONOTONIC = v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC
SECOND = 1_000_000_000
NOW = 100 * SECOND


class ManualClock:
    def __init__(self) -> None:
        self.now_ns = NOW

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0


def yuyv_camera(**changes: object) -> FakeCamera:
    return FakeCamera({"YUYV": {(64, 48): [30, 15]}}, **changes)  # type: ignore[arg-type]


def picture(value: int, timestamp_ns: int = NOW, flags: int = MONOTONIC) -> tuple[bytes, int, int]:
    return bytes([value]) * (64 * 48 * 2), timestamp_ns, flags


def make(kernel: FakeKernel, clock: ManualClock | None = None, **options: object) -> V4l2Source:
    settings = VideoCaptureSettings(64, 48, 30)
    return V4l2Source(settings, V4l2Options(**options), kernel=kernel, clock=clock or ManualClock())  # type: ignore[arg-type]


def opened(kernel: FakeKernel, clock: ManualClock | None = None, **options: object) -> V4l2Source:
    source = make(kernel, clock, **options)
    source.open()
    return source


def test_open_negotiates_format_and_rate() -> None:
    kernel = FakeKernel(yuyv_camera())

    assert make(kernel).open() == VideoFormat(64, 48, 30.0)
    assert kernel.chosen == ("YUYV", 64, 48)
    assert Fraction(*kernel.interval) == Fraction(1, 30)
    assert kernel.is_streaming
    assert list(kernel.queued) == [0, 1, 2, 3]


def test_a_camera_with_free_sizes_gets_the_wanted_one() -> None:
    kernel = FakeKernel(yuyv_camera(stepwise=(32, 1920, 2, 32, 1080, 2)))

    assert make(kernel).open().width == 64
    assert kernel.chosen == ("YUYV", 64, 48)


def test_a_raw_picture_keeps_bytes_stride_and_time() -> None:
    kernel = FakeKernel(yuyv_camera(stride=128))
    kernel.camera.pictures.append(picture(9, NOW - 5_000_000))

    frame = opened(kernel).read()

    assert (frame.width, frame.height, frame.pixel_format) == (64, 48, "yuyv422")
    assert frame.captured_ns == NOW - 5_000_000
    assert frame.planes[0].stride == 128
    assert ctypes.string_at(frame.planes[0].pointer, 64 * 48 * 2) == picture(9)[0]


@pytest.mark.parametrize(
    ("code", "name", "strides", "offsets"),
    [("NV12", "nv12", [64, 64], [0, 64 * 48]), ("YU12", "yuv420p", [64, 32, 32], [0, 64 * 48, 64 * 48 + 32 * 24])],
)
def test_planar_pictures_have_their_planes(code: str, name: str, strides: list[int], offsets: list[int]) -> None:
    kernel = FakeKernel(FakeCamera({code: {(64, 48): [30]}}))
    kernel.camera.pictures.append((bytes(64 * 48 * 3 // 2), NOW, MONOTONIC))

    frame = opened(kernel).read()

    assert frame.pixel_format == name
    assert [plane.stride for plane in frame.planes] == strides
    assert [plane.pointer - frame.planes[0].pointer for plane in frame.planes] == offsets


def test_a_handed_over_picture_is_never_written_again() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    kernel.camera.pictures.append(picture(1))
    first = source.read()
    for value in range(2, 8):
        kernel.camera.pictures.append(picture(value, NOW + value))
        source.read()

    assert ctypes.string_at(first.planes[0].pointer, 4) == b"\x01" * 4


def test_of_several_ready_pictures_the_newest_wins() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    kernel.camera.pictures = deque(picture(value, NOW - 100 + value) for value in (1, 2, 3))

    frame = source.read()

    assert ctypes.string_at(frame.planes[0].pointer, 1) == b"\x03"
    assert len(kernel.queued) == 4


def test_damaged_and_short_pictures_are_skipped() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    script = deque([picture(1, flags=MONOTONIC | v4l2.BUF_FLAG_ERROR), (b"short", NOW, MONOTONIC), picture(3)])
    kernel.on_wait = lambda: kernel.camera.pictures.append(script.popleft())

    assert ctypes.string_at(source.read().planes[0].pointer, 1) == b"\x03"


@pytest.mark.parametrize("timestamp_ns", [0, NOW + SECOND, NOW - 10 * SECOND])
def test_an_implausible_timestamp_is_replaced(timestamp_ns: int) -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.camera.pictures.append(picture(1, timestamp_ns))

    assert opened(kernel).read().captured_ns == NOW


def test_capture_times_rise_strictly() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    times = []
    for _ in range(3):
        kernel.camera.pictures.append(picture(1))
        times.append(source.read().captured_ns)

    assert times == sorted(set(times))


def test_mjpeg_is_decoded() -> None:
    kernel = FakeKernel(FakeCamera({"MJPG": {(64, 48): [30]}}))
    kernel.camera.pictures.append((jpeg(64, 48), NOW, MONOTONIC))

    frame = opened(kernel).read()

    assert (frame.width, frame.height) == (64, 48)
    assert frame.pixel_format.startswith("yuvj")
    assert frame.planes[0].stride >= 64


def test_a_torn_jpeg_is_skipped() -> None:
    kernel = FakeKernel(FakeCamera({"MJPG": {(64, 48): [30]}}))
    source = opened(kernel)
    script = deque([(jpeg(64, 48)[:-40], NOW, MONOTONIC), (jpeg(64, 48), NOW, MONOTONIC)])
    kernel.on_wait = lambda: kernel.camera.pictures.append(script.popleft())

    assert source.read().width == 64
    assert not script


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "no such camera"),
        (errno.EACCES, "group video"),
        (errno.EBUSY, "fuser /dev/video0"),
    ],
)
def test_a_camera_that_cannot_be_opened_says_why(number: int, words: str) -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.fail["open"] = number

    with pytest.raises(SourceUnavailable, match=words):
        make(kernel, device="/dev/video0").open()


@pytest.mark.parametrize(
    ("request_number", "number", "words"),
    [
        (v4l2.QUERYCAP, errno.ENOTTY, "no V4L2 device"),
        (v4l2.S_FMT, errno.EBUSY, "another program"),
        (v4l2.REQBUFS, errno.EBUSY, "another program"),
        (v4l2.STREAMON, errno.ENOSPC, "bandwidth"),
    ],
)
def test_a_refusal_leaves_nothing_open(request_number: int, number: int, words: str) -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.fail[request_number] = number

    with pytest.raises(SourceUnavailable, match=words):
        make(kernel, device="/dev/video0").open()
    assert kernel.open_fds == []
    assert all(memory.closed for memory in kernel.memory)


def test_a_multiplanar_camera_delivers_too() -> None:
    caps = v4l2.CAP_VIDEO_CAPTURE_MPLANE | v4l2.CAP_STREAMING
    kernel = FakeKernel(yuyv_camera(caps=caps, stride=128))
    kernel.camera.pictures.append(picture(9))

    frame = opened(kernel).read()

    assert frame.planes[0].stride == 128
    assert ctypes.string_at(frame.planes[0].pointer, 2) == b"\x09" * 2


def test_controls_of_the_configuration_are_set_before_pictures_flow() -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.controls = [FakeControl(1, "Brightness"), menu_control(2)]

    source = opened(kernel, controls={"brightness": 7, "power_line": "off"})

    assert [control.value for control in kernel.controls] == [7, 0]
    assert {control.name: control.value for control in source.controls()} == {"brightness": 7, "power_line": "off"}


def test_a_wrong_control_keeps_the_camera_closed() -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.controls = [FakeControl(1, "Brightness")]

    with pytest.raises(SourceUnavailable, match=r"/dev/video0: control brightness is 999, but must be .* 0 to 255"):
        opened(kernel, controls={"brightness": 999})
    assert kernel.open_fds == []


def test_an_open_camera_takes_controls() -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.controls = [FakeControl(1, "Brightness")]
    source = opened(kernel)

    source.set_control("brightness", 9)

    assert kernel.controls[0].value == 9


def test_a_queue_that_failed_is_source_lost() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    kernel.idle_events = select.POLLERR

    with pytest.raises(SourceLost, match="has stopped"):
        source.read()


def test_a_stall_with_damaged_pictures_names_them() -> None:
    kernel, clock = FakeKernel(FakeCamera({"MJPG": {(64, 48): [30]}})), ManualClock()
    source = opened(kernel, clock)

    def garbage() -> None:
        clock.now_ns += SECOND // 2
        kernel.camera.pictures.append((b"garbage" * 50, clock.now_ns, MONOTONIC))

    kernel.on_wait = garbage
    with pytest.raises(SourceLost, match="and 6 that came were damaged"):
        source.read()


def test_a_metadata_node_is_refused() -> None:
    with pytest.raises(SourceUnavailable, match="delivers no pictures"):
        make(FakeKernel(yuyv_camera(caps=v4l2.CAP_STREAMING)), device="/dev/video0").open()


def test_no_usable_format_names_what_there_is() -> None:
    with pytest.raises(SourceUnavailable, match="it offers YUYV"):
        make(FakeKernel(yuyv_camera()), input_format="nv12").open()


def test_a_fixed_rate_is_accepted() -> None:
    kernel = FakeKernel(yuyv_camera())
    kernel.fail[v4l2.S_PARM] = errno.ENOTTY

    assert make(kernel).open().framerate == 30.0


def test_unplugging_is_source_lost() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    kernel.fail[v4l2.DQBUF] = errno.ENODEV

    with pytest.raises(SourceLost, match="unplugged"):
        source.read()


def test_a_stall_is_source_lost() -> None:
    kernel, clock = FakeKernel(yuyv_camera()), ManualClock()
    source = opened(kernel, clock, stall_after=3.0)
    kernel.on_wait = lambda: setattr(clock, "now_ns", clock.now_ns + SECOND // 5)

    with pytest.raises(SourceLost, match="no picture from Fake Cam for 3 s"):
        source.read()
    assert clock.now_ns - NOW == 3 * SECOND


def test_close_from_another_thread_ends_a_waiting_read() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    waiting = threading.Event()
    kernel.on_wait = waiting.set
    outcome: list[BaseException] = []

    def reader() -> None:
        try:
            source.read()
        except SourceClosed as error:
            outcome.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    waiting.wait(5)
    source.close()
    thread.join(5)

    assert isinstance(outcome[0], SourceClosed)
    assert kernel.open_fds == []


def test_close_twice_and_read_after_it() -> None:
    kernel = FakeKernel(yuyv_camera())
    source = opened(kernel)
    source.close()
    source.close()

    with pytest.raises(SourceClosed):
        source.read()
    assert not kernel.is_streaming


def jpeg(width: int, height: int) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuvj420p", Fraction(1, 30)
    frame = av.VideoFrame(width, height, "yuvj420p")
    for plane in frame.planes:
        plane.update(bytes(range(256)) * (plane.buffer_size // 256) + bytes(plane.buffer_size % 256))
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
