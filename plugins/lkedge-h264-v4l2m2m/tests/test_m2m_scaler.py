"""The scaler against a fake driver: sizes, layouts, lending, memory of the source, faults."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_m2m import SCALER_PATH, FakeM2mKernel
from fake_scaler import FakeScaler
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.gradient import difference, gradient
from lkedge_h264_v4l2m2m.node import ScalerNode, find_scalers
from lkedge_h264_v4l2m2m.scaled_queue import SCALED_PICTURES
from lkedge_h264_v4l2m2m.scaler import Coming, Going, Scaler, SizeRefused
from lkedge_h264_v4l2m2m.scaler_trial import TOLERATED_DIFFERENCE, fault
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame

FROM, TO = (320, 180), (160, 90)
GOING = Going(*FROM, "YU12")

Make = Callable[..., Scaler]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes scalers on a kernel and closes them at the end."""
    made: list[Scaler] = []

    def scaler(kernel: FakeM2mKernel, going: Going = GOING, coming: Coming | None = None) -> Scaler:
        made.append(Scaler(node_of(kernel), going, coming or Coming(*TO, going.fourcc), kernel, kernel.clock))
        return made[-1]

    yield scaler
    for each in made:
        each.close()


def node_of(kernel: FakeM2mKernel) -> ScalerNode:
    formats = {"YU12": "yuv420p", "NV12": "nv12", "YUYV": "yuyv422", "RGB3": "rgb24"}
    (node,) = find_scalers(kernel, formats, formats).nodes
    return node


def kernel_with(**script: object) -> FakeM2mKernel:
    return FakeM2mKernel(scaler=FakeScaler(**script))  # type: ignore[arg-type]


def picture(index: int = 1) -> VideoFrame:
    return gradient(*FROM, "YU12", "yuv420p", index * 33_333_333)


@pytest.mark.parametrize(
    ("code", "name"), [("YU12", "yuv420p"), ("NV12", "nv12"), ("YUYV", "yuyv422"), ("RGB3", "rgb24")]
)
@pytest.mark.parametrize("is_multiplanar", [True, False])
@pytest.mark.parametrize("blocks", [(2, 2), (16, 16)])
def test_a_picture_comes_out_smaller(
    make: Make, code: str, name: str, is_multiplanar: bool, blocks: tuple[int, int]
) -> None:
    kernel = kernel_with(raw=(code,), made=(code,), is_multiplanar=is_multiplanar, blocks=blocks)

    scaled = make(kernel, Going(*FROM, code)).scale(gradient(*FROM, code, name, 7_000))

    assert (scaled.width, scaled.height, scaled.pixel_format, scaled.captured_ns) == (*TO, name, 7_000)
    assert difference(scaled) <= TOLERATED_DIFFERENCE


def test_rows_lie_as_the_encoder_wants_them(make: Make) -> None:
    scaled = make(kernel_with(), coming=Coming(*TO, "YU12", stride=256)).scale(picture())

    start, stride = scaled.planes[0]
    assert stride == 256
    assert [(plane.pointer - start, plane.stride) for plane in scaled.planes[1:]] == [
        (256 * 90, 128),
        (256 * 90 + 128 * 45, 128),
    ]


def test_both_sides_have_one_colour_space(make: Make) -> None:
    kernel = kernel_with()
    make(kernel, Going(1280, 720, "YU12"), Coming(640, 360, "YU12"))

    (context,) = kernel.scalers.values()
    assert context.colours == {"output": m2m.COLORSPACE_REC709, "capture": m2m.COLORSPACE_REC709}


def test_the_order_is_that_of_the_specification(make: Make) -> None:
    kernel = kernel_with()
    make(kernel)

    (context,) = kernel.scalers.values()
    assert context.order == [
        "S_FMT output",
        "S_FMT capture",
        "REQBUFS output",
        "REQBUFS capture",
        "STREAMON output",
        "STREAMON capture",
    ]


def test_a_picture_stays_as_it_is_while_somebody_holds_it(make: Make) -> None:
    scaler = make(kernel_with())
    held = scaler.scale(picture())
    others = {scaler.scale(picture(index)).planes for index in range(2, 3 * SCALED_PICTURES)}

    assert held.planes not in others
    assert len(others) < SCALED_PICTURES, "buffers come back when their pictures are dropped"
    assert difference(held) <= TOLERATED_DIFFERENCE


def test_what_was_made_stays_readable_after_closing(make: Make) -> None:
    kernel = kernel_with()
    scaler = make(kernel)
    held = scaler.scale(picture())
    scaler.close()
    scaler.close()

    assert difference(held) <= TOLERATED_DIFFERENCE
    assert os.lseek(held.dmabuf, 0, os.SEEK_END) > 0
    assert not kernel.scalers


def test_the_descriptor_goes_with_the_last_picture(make: Make) -> None:
    scaler = make(kernel_with())
    held = scaler.scale(picture())
    scaler.close()
    descriptor = held.dmabuf
    del held

    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)


def test_a_driver_that_cannot_export_makes_pictures_all_the_same(make: Make) -> None:
    scaled = make(kernel_with(can_export=False)).scale(picture())

    assert scaled.dmabuf == -1
    assert difference(scaled) <= TOLERATED_DIFFERENCE


def imported(frame: VideoFrame) -> VideoFrame:
    """The same in memory that can be handed over."""
    size = frame.width * frame.height * 3 // 2
    descriptor = os.memfd_create("picture")
    os.ftruncate(descriptor, size)
    memory = mmap.mmap(descriptor, size)
    start, origin = ctypes.addressof(ctypes.c_char.from_buffer(memory)), frame.planes[0].pointer
    ctypes.memmove(start, origin, size)
    planes = tuple(Plane(start + plane.pointer - origin, plane.stride) for plane in frame.planes)
    return replace(frame, planes=planes, owner=memory, dmabuf=descriptor)


def test_memory_of_the_source_goes_in_without_a_copy(make: Make) -> None:
    kernel = kernel_with()
    scaler = make(kernel, Going(*FROM, "YU12", is_imported=True, stride=320))
    source = imported(picture())
    assert scaler.accepts(source)

    scaled = scaler.scale(source)

    (context,) = kernel.scalers.values()
    assert context.kind["output"] == m2m.MEMORY_DMABUF
    assert difference(scaled) <= TOLERATED_DIFFERENCE
    os.close(source.dmabuf)


def scaled_once(make: Make, kernel: FakeM2mKernel) -> None:
    scaler = make(kernel)
    try:
        scaler.scale(picture())
    finally:
        scaler.close()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"stall_at": 0}, "no picture from the scaler bcm2835-codec-isp for 0.25 s"),
        ({"damage_at": 0}, "damaged a picture"),
        ({"ends_at": 0}, "has ended its stream"),
        ({"unplug_at": 0}, "the scaler failed while scaling: the device has gone"),
        ({"fail": {v4l2.QBUF: errno.EIO}}, "Input/output error"),
        ({"fail": {v4l2.DQBUF: errno.EIO}}, "the scaler failed while scaling"),
        ({"fail": {v4l2.REQBUFS: errno.ENOMEM}}, "cma-256"),
        ({"fail": {v4l2.S_FMT: errno.EINVAL}}, "the scaler failed while scaling 320x180 to 160x90"),
        ({"fail": {v4l2.STREAMON: errno.EBUSY}}, "fuser /dev/video12"),
    ],
    ids=["stall", "damage", "EPIPE", "unplug", "QBUF", "DQBUF", "memory", "EINVAL at S_FMT", "busy"],
)
def test_a_fault_is_an_error_in_time_and_leaves_nothing_open(
    make: Make, script: dict[str, object], reason: str
) -> None:
    kernel = kernel_with(**script)
    before_ns = kernel.clock.now_ns

    with pytest.raises(EncoderError, match=reason):
        scaled_once(make, kernel)

    assert kernel.clock.now_ns - before_ns < 300_000_000
    assert not kernel.scalers


def test_pictures_that_are_never_given_back_are_an_error(make: Make) -> None:
    scaler = make(kernel_with(is_keeping=True))

    with pytest.raises(EncoderError, match="keeps the pictures"):
        [scaler.scale(picture(index)) for index in range(1, 9)]


@pytest.mark.parametrize("coming", [Coming(16, 16, "YU12"), Coming(*TO, "YUYV")], ids=["size", "format"])
def test_what_it_cannot_do_is_refused_with_the_nearest(make: Make, coming: Coming) -> None:
    kernel = kernel_with(made=("YU12",), can_crop=False)

    with pytest.raises(SizeRefused, match="cannot do"):
        Scaler(
            replace(node_of(kernel), gives={"YU12": "", "YUYV": ""}), Going(*FROM, "YU12"), coming, kernel, kernel.clock
        )

    assert not kernel.scalers


def test_a_scaler_is_found_by_what_it_can() -> None:
    (node,) = find_scalers(kernel_with()).nodes

    assert (node.path, node.card) == (SCALER_PATH, "bcm2835-codec-isp")
    assert (node.takes, node.gives) == (
        {"YU12": "yuv420p", "NV12": "nv12", "YUYV": "yuyv422"},
        {"YU12": "yuv420p", "NV12": "nv12"},
    )


@pytest.mark.parametrize(
    "script",
    [{"raw": ("RGB3",)}, {"made": ("RGB3",)}, {"is_compressing": True}],
    ids=["other pictures in", "other pictures out", "a codec"],
)
def test_other_devices_are_no_scalers(script: dict[str, object]) -> None:
    assert find_scalers(kernel_with(**script)).nodes == ()


def test_one_that_scales_passes_its_trial() -> None:
    kernel = kernel_with()

    assert fault(node_of(kernel), kernel, kernel.clock) == ""
    assert not kernel.scalers


@pytest.mark.parametrize(
    ("script", "reason"),
    [({"is_cropping": True}, "differs by"), ({"stall_at": 0}, "no picture"), ({"sizes": (640, 1920)}, "cannot do")],
)
def test_what_does_not_scale_fails_its_trial(script: dict[str, object], reason: str) -> None:
    kernel = kernel_with(**script)

    assert reason in fault(node_of(kernel), kernel, kernel.clock)
    assert not kernel.scalers
