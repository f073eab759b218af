"""The scaler on a real driver: vim2m, which scales RGB pictures by taking the nearest sample.

The formats that encoders take are not seen here: vim2m has none of them.
"""

from __future__ import annotations

import ctypes
import logging
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dma_heap import HeapPicture
from lkedge_h264_v4l2m2m.controls import Controls
from lkedge_h264_v4l2m2m.gradient import difference, gradient
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel
from lkedge_h264_v4l2m2m.node import ScalerNode, find_encoders, find_scalers
from lkedge_h264_v4l2m2m.picture import Layout
from lkedge_h264_v4l2m2m.scaled_queue import SCALED_PICTURES
from lkedge_h264_v4l2m2m.scaler import Coming, Going, Scaler, SizeRefused
from lkedge_h264_v4l2m2m.scaler_trial import TOLERATED_DIFFERENCE, fault
from lkedge_h264_v4l2m2m.scaling import RETRY_AFTER_NS, LayerScaling, ScalingHardware
from lkedge_h264_v4l2m2m.session import Coded, Input, Session

from lkedge.clock import SystemClock
from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame
from lkedge.testing.clock import FakeClock
from lkedge.testing.lab import LabDevices

pytestmark = pytest.mark.device

RGB = {"RGB3": "rgb24"}
FROM, TO = (640, 360), (320, 180)
GOING, COMING = Going(*FROM, "RGB3"), Coming(*TO, "RGB3")

EMULATED_S = 10.0
SLOW_FRAMERATE = 0.1
"""At which an emulated processor keeps pace."""

TRANSACTION_TIME = 0x0098_1900
"""V4L2_CID_TRANS_TIME_MSEC of vim2m.c, of one opening."""

DRIVER = Path("/sys/bus/platform/drivers/vim2m")

Make = Callable[..., Scaler]


@pytest.fixture
def node(lab_devices: LabDevices) -> ScalerNode:
    path = os.path.realpath(lab_devices.video("scaler"))
    found = find_scalers(LinuxM2mKernel(), RGB, RGB)
    assert [each.path for each in found.nodes] == [path], found.problems
    return found.nodes[0]


@pytest.fixture
def make(node: ScalerNode) -> Iterator[Make]:
    """Makes scalers and closes them at the end."""
    made: list[Scaler] = []

    def scaler(going: Going = GOING, coming: Coming = COMING, stall_s: float = EMULATED_S) -> Scaler:
        made.append(Scaler(node, going, coming, LinuxM2mKernel(), SystemClock(), stall_s))
        return made[-1]

    yield scaler
    for each in made:
        each.close()


@pytest.fixture
def unplug(node: ScalerNode) -> Iterator[Callable[[], None]]:
    """Takes the driver from its device; it comes back at the end."""
    (device,) = (link.name for link in DRIVER.glob("vim2m*"))

    def take() -> None:
        (DRIVER / "unbind").write_text(device)

    yield take
    if not (DRIVER / device).exists():
        plug_in(device)


def plug_in(device: str = "vim2m.0") -> None:
    """With the next free number."""
    (DRIVER / "bind").write_text(device)
    subprocess.run(["udevadm", "settle"], check=True, timeout=30)


def noise(seed: int, size: tuple[int, int] = FROM) -> VideoFrame:
    content = random.Random(seed).randbytes(size[0] * size[1] * 3)
    memory = ctypes.create_string_buffer(content, len(content))
    return VideoFrame(*size, "rgb24", (Plane(ctypes.addressof(memory), size[0] * 3),), seed * 33_333_333, memory)


def rows_of(frame: VideoFrame) -> list[bytes]:
    start, stride = frame.planes[0]
    return [ctypes.string_at(start + row * stride, frame.width * 3) for row in range(frame.height)]


def halved(frame: VideoFrame) -> list[bytes]:
    """Every other pixel of every other row."""
    rows = rows_of(frame)[::2]
    return [b"".join(row[x : x + 3] for x in range(0, len(row), 6)) for row in rows]


def test_it_is_found_by_its_formats(node: ScalerNode) -> None:
    assert (node.card, node.is_multiplanar, node.takes, node.gives) == ("vim2m", False, RGB, RGB)


def test_it_is_not_used_for_what_it_cannot_do(node: ScalerNode) -> None:
    assert find_scalers(LinuxM2mKernel()).nodes == ()


def test_it_passes_the_trial(node: ScalerNode) -> None:
    assert fault(node, LinuxM2mKernel(), SystemClock()) == ""


def test_every_pixel_is_the_right_one(make: Make) -> None:
    scaler = make()

    for seed in range(1, 2 * SCALED_PICTURES):
        scaled = scaler.scale(noise(seed))
        assert (scaled.width, scaled.height, scaled.captured_ns) == (*TO, seed * 33_333_333)
        assert rows_of(scaled) == halved(noise(seed))


@pytest.mark.parametrize("size", [(400, 226), (96, 54), (640, 480)])
def test_other_sizes(make: Make, size: tuple[int, int]) -> None:
    scaled = make(coming=Coming(*size, "RGB3")).scale(gradient(*FROM, "RGB3", "rgb24"))

    assert (scaled.width, scaled.height) == size
    assert difference(scaled) <= TOLERATED_DIFFERENCE


def test_a_size_that_it_cannot_do_is_refused(make: Make) -> None:
    with pytest.raises(SizeRefused, match="cannot do RGB3 in 800x600, the nearest is RGB3 in 640x480"):
        make(coming=Coming(800, 600, "RGB3"))


def test_several_work_side_by_side(make: Make) -> None:
    large, small = make(), make(coming=Coming(160, 90, "RGB3"))

    for seed in (1, 2):
        assert rows_of(large.scale(noise(seed))) == halved(noise(seed))
        assert small.scale(noise(seed)).width == 160


def test_memory_of_the_source_goes_in_without_a_copy(make: Make) -> None:
    source = HeapPicture(noise(3), Layout("RGB3", *FROM, FROM[0] * 3, FROM[1]))
    scaler = make(replace(GOING, is_imported=True, stride=FROM[0] * 3))
    assert scaler.accepts(source.frame)

    assert rows_of(scaler.scale(source.frame)) == halved(noise(3))


def test_what_was_made_goes_into_the_next_scaler_without_a_copy(make: Make) -> None:
    first = make()
    second = make(Going(*TO, "RGB3", is_imported=True, stride=TO[0] * 3), Coming(160, 90, "RGB3"))

    for seed in range(1, 2 * SCALED_PICTURES):
        half = first.scale(noise(seed))
        assert second.accepts(half)
        assert rows_of(second.scale(half)) == halved(half)


def test_what_was_made_goes_into_an_encoder_without_a_copy(make: Make) -> None:
    """What comes out is the same as of a copy."""
    scaler = make(Going(320, 184, "RGB3"), Coming(640, 368, "RGB3"))
    pictures = [scaler.scale(noise(seed, (320, 184))) for seed in (1, 2)]

    imported, copied = (encoded(pictures, is_imported=is_imported) for is_imported in (True, False))

    assert [each.timestamp_us for each in imported] == [1, 2]
    assert [each.data for each in imported] == [each.data for each in copied]
    assert imported[0].data != imported[1].data


def encoded(frames: list[VideoFrame], *, is_imported: bool) -> list[Coded]:
    """By vicodec."""
    (encoder,) = find_encoders(LinuxM2mKernel(), "FWHT").nodes
    size, stride = (frames[0].width, frames[0].height), frames[0].planes[0].stride
    session = Session(encoder, "FWHT", Input(*size, 30, "RGB3", is_imported, stride), LinuxM2mKernel())
    try:
        session.start()
        return [result(session, frame, number) for number, frame in enumerate(frames, 1)]
    finally:
        session.close()


def result(session: Session, frame: VideoFrame, timestamp_us: int) -> Coded:
    assert session.accepts(frame) or not session.pictures.is_imported
    session.queue(frame, timestamp_us)
    deadline = time.monotonic() + EMULATED_S
    while not (coded := session.take(1.0)):
        assert time.monotonic() < deadline
    return coded[0]


def test_pictures_outlive_their_scaler(make: Make) -> None:
    scaler = make()
    held = scaler.scale(noise(5))
    scaler.close()

    assert rows_of(held) == halved(noise(5))
    assert os.lseek(held.dmabuf, 0, os.SEEK_END) >= TO[0] * TO[1] * 3


def test_a_stall_is_noticed(make: Make) -> None:
    scaler = make(stall_s=1.0)
    assert Controls(LinuxM2mKernel(), scaler._fd).set(TRANSACTION_TIME, 3000)

    with pytest.raises(EncoderError, match="no picture from the scaler vim2m for 1 s"):
        scaler.scale(noise(1))


def test_an_unplugged_one_is_noticed(make: Make, unplug: Callable[[], None]) -> None:
    scaler = make()
    scaler.scale(noise(1))
    unplug()

    with pytest.raises(EncoderError, match=r"the device has gone|an error of its own"):
        scaler.scale(noise(2))


def test_a_layer_goes_over_to_the_processor_and_back(
    node: ScalerNode, unplug: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    hardware = ScalingHardware(LinuxM2mKernel(), clock, takes=RGB, gives=RGB, stall_s=EMULATED_S)
    layer = LayerScaling(hardware, lambda _: COMING)
    scaled = layer.scale(noise(1), SLOW_FRAMERATE)
    assert scaled is not None
    assert rows_of(scaled) == halved(noise(1))

    unplug()

    assert [layer.scale(noise(seed), SLOW_FRAMERATE) for seed in (2, 3)] == [None, None]
    assert caplog.text.count("layers are scaled by the processor") == 1
    plug_in()
    clock.advance(RETRY_AFTER_NS / 1e9 + 1)
    assert layer.scale(noise(4), SLOW_FRAMERATE) is not None
    layer.close()
