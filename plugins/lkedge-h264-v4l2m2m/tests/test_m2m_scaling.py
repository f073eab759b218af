"""Layers scaled in front of their encoder: handed over as DMABUF, and left to the processor where that fails."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_codec import units
from fake_m2m import FakeBlock, FakeM2mKernel
from fake_scaler import FakeScaler
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.gradient import difference, gradient
from lkedge_h264_v4l2m2m.node import find_encoders
from lkedge_h264_v4l2m2m.scaler_trial import TOLERATED_DIFFERENCE
from lkedge_h264_v4l2m2m.scaling import RETRY_AFTER_NS, ScalingHardware
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.builtin.scaler import Scaler
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.cascade import Cascade

FULL, HALF, QUARTER = (640, 360), (320, 180), (160, 90)
RATE = BitsPerSecond(600_000)

BY_PROCESSOR = "layers are scaled by the processor"


class Layers:
    """Encoders of one process, which share the scaler."""

    def __init__(self, kernel: FakeM2mKernel, folder: Path) -> None:
        self.kernel = kernel
        self.hardware = ScalingHardware(kernel, kernel.clock)
        self._folder = folder
        self._made: list[M2mEncoder] = []

    def encoder(self, size: tuple[int, int], framerate: float = 30) -> M2mEncoder:
        (node,) = find_encoders(self.kernel, "H264").nodes
        settings = VideoEncoderSettings(Codec.H264, Rid("h"), *size, framerate, RATE, RATE)
        budget = Budget(node.card, 0, self._folder)
        kernel = self.kernel
        self._made.append(M2mEncoder(settings, node, budget, kernel=kernel, clock=kernel.clock, scaling=self.hardware))
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each.close()


MakeLayers = Callable[[FakeM2mKernel], Layers]


@pytest.fixture
def layers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[MakeLayers]:
    caplog.set_level(logging.INFO)
    made: list[Layers] = []

    def make(kernel: FakeM2mKernel) -> Layers:
        made.append(Layers(kernel, tmp_path / "claims"))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert not each.kernel.scalers
        assert not each.kernel.contexts


def picture(index: int = 1, size: tuple[int, int] = FULL) -> VideoFrame:
    return gradient(*size, "YU12", "yuv420p", index * 33_333_333)


def pictures_seen(layers: Layers) -> int:
    """After those of the trial."""
    assert layers.kernel.scaler is not None
    return layers.kernel.scaler.pictures - 1


def test_what_is_scaled_goes_into_the_encoder_without_a_copy(layers: MakeLayers) -> None:
    kernel = FakeM2mKernel(scaler=FakeScaler())
    encoder = layers(kernel).encoder(HALF)

    frames = []
    for index in range(1, 13):
        scaled = encoder.scale(picture(index))
        assert scaled is not None
        frames.append(encoder.encode(scaled, key_frame=False))

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(1, 13)]
    assert [frame is not None and frame.is_key for frame in frames] == [True] + [False] * 11
    assert kernel.context.kind["output"] == m2m.MEMORY_DMABUF
    assert kernel.context.memory["output"] == []


def test_the_encoder_sees_the_picture_that_the_scaler_made(layers: MakeLayers) -> None:
    plain, scaling = (layers(FakeM2mKernel(scaler=FakeScaler())).encoder(HALF) for _ in range(2))
    scaled = scaling.scale(picture())
    assert scaled is not None
    assert difference(scaled) <= TOLERATED_DIFFERENCE
    copied = replace(scaled, dmabuf=-1)

    assert payload(plain.encode(copied, key_frame=False)) == payload(scaling.encode(scaled, key_frame=False))


def payload(frame: EncodedFrame | None) -> bytes:
    assert frame is not None
    return units(frame.data)[-1][1:]


def test_a_lower_layer_goes_on_from_the_memory_of_the_one_above(layers: MakeLayers) -> None:
    """As the worker has it: nothing is copied below the source."""
    kernel = FakeM2mKernel(scaler=FakeScaler())
    made = layers(kernel)
    half, quarter = made.encoder(HALF), made.encoder(QUARTER)

    for index in range(1, 5):
        cascade = Cascade(Scaler(), picture(index))
        for encoder, size in ((half, HALF), (quarter, QUARTER)):
            frame = cascade.scale(*size, encoder.pixel_formats, encoder.scale)
            assert (frame.width, frame.height) == size
            assert frame.dmabuf >= 0
            assert difference(frame) <= TOLERATED_DIFFERENCE
            assert encoder.encode(frame, key_frame=False) is not None

    of_source, of_half = kernel.scalers.values()
    assert of_source.kind["output"] == v4l2.MEMORY_MMAP
    assert of_half.kind["output"] == m2m.MEMORY_DMABUF


def test_an_encoder_that_cannot_import_gets_a_copy(layers: MakeLayers) -> None:
    kernel = FakeM2mKernel(FakeBlock(stride=512), scaler=FakeScaler(stride=1024))
    encoder = layers(kernel).encoder(HALF)
    kernel.block.can_import = False

    for index in range(1, 4):
        scaled = encoder.scale(picture(index))
        assert scaled is not None
        assert encoder.encode(scaled, key_frame=False) is not None

    assert kernel.context.kind["output"] == v4l2.MEMORY_MMAP


@pytest.mark.parametrize(
    "script", [{"can_import": False}, {"fail": {"dmabuf": errno.EINVAL}}], ids=["never", "refused"]
)
def test_a_scaler_that_cannot_import_gets_a_copy(
    layers: MakeLayers, caplog: pytest.LogCaptureFixture, script: dict[str, object]
) -> None:
    made = layers(FakeM2mKernel(scaler=FakeScaler(**script)))  # type: ignore[arg-type]
    above, below = made.encoder(HALF), made.encoder(QUARTER)

    for index in range(1, 4):
        half = above.scale(picture(index))
        assert half is not None
        assert half.dmabuf >= 0
        quarter = below.scale(half)
        assert quarter is not None
        assert difference(quarter) <= TOLERATED_DIFFERENCE

    assert caplog.text.count("pictures of 320x180 are copied to the scaler") == 1


def test_rows_are_as_long_as_the_encoder_wants_them(layers: MakeLayers) -> None:
    kernel = FakeM2mKernel(FakeBlock(stride=256), scaler=FakeScaler())
    encoder = layers(kernel).encoder(HALF)

    scaled = encoder.scale(picture())

    assert scaled is not None
    assert scaled.planes[0].stride == 512
    assert encoder.encode(scaled, key_frame=False) is not None
    assert kernel.context.kind["output"] == m2m.MEMORY_DMABUF


def test_pictures_of_two_origins_do_not_open_it_again_and_again(layers: MakeLayers) -> None:
    made = layers(FakeM2mKernel(scaler=FakeScaler()))
    half, quarter = made.encoder(HALF), made.encoder(QUARTER)

    opened = []
    for index in range(1, 9):
        source = picture(index)
        start = half.scale(source) if index % 2 else source
        assert start is not None
        assert quarter.scale(start) is not None
        opened.append(made.kernel.opened_scalers)

    assert opened[1:] == [opened[0] + 1] * 7


def test_without_a_scaler_the_processor_scales_and_says_so_once(
    layers: MakeLayers, caplog: pytest.LogCaptureFixture
) -> None:
    made = layers(FakeM2mKernel())

    assert [made.encoder(size).scale(picture()) for size in (HALF, QUARTER)] == [None, None]
    assert [record.getMessage() for record in caplog.records] == [
        f"{BY_PROCESSOR}: this machine has no V4L2 device that scales"
    ]


def test_one_that_does_not_really_scale_is_not_used(layers: MakeLayers, caplog: pytest.LogCaptureFixture) -> None:
    made = layers(FakeM2mKernel(scaler=FakeScaler(is_cropping=True)))

    assert made.encoder(HALF).scale(picture()) is None
    assert "differs by" in caplog.text


@pytest.mark.parametrize(
    "script",
    [{"stall_at": 4}, {"damage_at": 4}, {"ends_at": 4}, {"unplug_at": 4}],
    ids=["stall", "damage", "EPIPE", "unplug"],
)
def test_when_it_fails_the_processor_takes_over_at_once(
    layers: MakeLayers, caplog: pytest.LogCaptureFixture, script: dict[str, int]
) -> None:
    kernel = FakeM2mKernel(scaler=FakeScaler(**script))  # type: ignore[arg-type]
    encoder = layers(kernel).encoder(HALF)

    frames = []
    for index in range(1, 8):
        made = Cascade(Scaler(), picture(index)).scale(*HALF, encoder.pixel_formats, encoder.scale)
        frames.append(encoder.encode(made, key_frame=False))

    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False, True, False, False, False]
    assert caplog.text.count(BY_PROCESSOR) == 1
    assert not kernel.scalers


def test_what_fails_for_one_layer_is_left_by_all(layers: MakeLayers, caplog: pytest.LogCaptureFixture) -> None:
    kernel = FakeM2mKernel(scaler=FakeScaler())
    made = layers(kernel)
    half, quarter = made.encoder(HALF), made.encoder(QUARTER)
    assert kernel.scaler is not None

    for _ in range(2):
        assert half.scale(picture()) is not None
        assert quarter.scale(picture()) is not None
        kernel.scaler.unplug_at = 0
        assert half.scale(picture()) is None
        assert quarter.scale(picture()) is None
        assert not kernel.scalers
        kernel.scaler.unplug_at = -1
        kernel.clock.now_ns += RETRY_AFTER_NS + 1

    assert caplog.text.count(BY_PROCESSOR) == 2
    assert caplog.text.count("layers are scaled by bcm2835-codec-isp (/dev/video12)") == 2


def test_one_that_is_too_slow_is_left(layers: MakeLayers, caplog: pytest.LogCaptureFixture) -> None:
    kernel = FakeM2mKernel(scaler=FakeScaler())
    made = layers(kernel)
    encoder = made.encoder(HALF)
    assert encoder.scale(picture()) is not None
    assert kernel.scaler is not None
    kernel.scaler.latency_ns = 25_000_000

    is_scaled = [encoder.scale(picture(index)) is not None for index in range(2, 20)]

    assert is_scaled == [True] * 9 + [False] * 9, "a single slow picture is forgiven"
    assert "is too slow, a picture takes 0.017 s" in caplog.text


def test_what_failed_is_tried_again_later(layers: MakeLayers) -> None:
    kernel = FakeM2mKernel(scaler=FakeScaler(fail={"open": errno.EACCES}))
    encoder = layers(kernel).encoder(HALF)
    assert kernel.scaler is not None
    assert encoder.scale(picture()) is None
    kernel.scaler.fail.clear()

    assert encoder.scale(picture()) is None
    kernel.clock.now_ns += RETRY_AFTER_NS + 1
    assert encoder.scale(picture()) is not None


def test_a_size_that_it_cannot_do_is_no_fault_of_it(layers: MakeLayers, caplog: pytest.LogCaptureFixture) -> None:
    made = layers(FakeM2mKernel(scaler=FakeScaler(sizes=(128, 4096), can_crop=False)))

    assert made.encoder((64, 36)).scale(picture()) is None
    assert made.encoder(HALF).scale(picture()) is not None
    assert "cannot do YU12 in 64x36, the nearest is YU12 in 128x128" in caplog.text


def test_a_format_that_it_does_not_take_is_left_to_the_processor(layers: MakeLayers) -> None:
    made = layers(FakeM2mKernel(scaler=FakeScaler()))

    assert made.encoder(HALF).scale(replace(picture(), pixel_format="yuvj420p")) is None
    assert pictures_seen(made) == 0


@pytest.mark.parametrize(
    ("scaler", "words"),
    [
        (FakeScaler(), "bcm2835-codec-isp (/dev/video12)"),
        (None, "the processor: this machine has no V4L2 device that scales"),
        (FakeScaler(fail={"open": errno.EACCES}), "the processor: /dev/video12: Permission denied"),
    ],
    ids=["one", "none", "no right"],
)
def test_people_are_told_what_scales(scaler: FakeScaler | None, words: str) -> None:
    kernel = FakeM2mKernel(scaler=scaler)
    assert ScalingHardware(kernel, kernel.clock).describe() == words
