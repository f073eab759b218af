"""The encoder against a fake block: protocol, layouts, headers, delays, stalls, errors, memory of the source."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_codec import PPS, SPS, ToyCodec, as_frame, checksum, units
from fake_m2m import BCM_CONTROLS, FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.budget import Budget, Share
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.node import find_encoders
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, Plane, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid

WIDTH, HEIGHT = 160, 90
RATE = BitsPerSecond(600_000)
SETTINGS = VideoEncoderSettings(Codec.H264, Rid("h"), WIDTH, HEIGHT, 30, RATE, RATE)

Make = Callable[..., M2mEncoder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes encoders on a kernel and closes them at the end."""
    made: list[M2mEncoder] = []

    def encoder(kernel: FakeM2mKernel, settings: VideoEncoderSettings = SETTINGS, pixel_rate: int = 0) -> M2mEncoder:
        (node,) = find_encoders(kernel, kernel.block.coded).nodes
        budget = Budget(node.card, pixel_rate, tmp_path / "claims")
        made.append(M2mEncoder(settings, node, budget, kernel=kernel, clock=kernel.clock))
        return made[-1]

    yield encoder
    for each in made:
        each.close()


def i420(index: int) -> bytes:
    luma = bytes((x + 3 * y + 7 * index) & 0xFF for y in range(HEIGHT) for x in range(WIDTH))
    chroma = bytes((2 * x + y + index) & 0xFF for y in range(HEIGHT // 2) for x in range(WIDTH // 2))
    return luma + chroma + chroma[::-1]


def picture(index: int) -> VideoFrame:
    return as_frame(i420(index), WIDTH, HEIGHT, 1_000_000_000 + index * 33_333_333)


def encoded(
    encoder: M2mEncoder, count: int, *, start: int = 0, keys: tuple[int, ...] = ()
) -> list[EncodedFrame | None]:
    return [encoder.encode(picture(index), key_frame=index in keys) for index in range(start, start + count)]


def payload(frame: EncodedFrame | None) -> bytes:
    assert frame is not None
    return units(frame.data)[-1][1:]


def test_follows_the_order_of_the_specification(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel)

    assert kernel.context.order == [
        "S_FMT capture",
        "S_FMT output",
        "S_PARM",
        "REQBUFS output",
        "REQBUFS capture",
        "STREAMON output",
        "STREAMON capture",
    ]


def test_sets_what_webrtc_needs(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel)

    assert kernel.context.controls == {
        m2m.CID_BITRATE: 600_000,
        m2m.CID_BITRATE_MODE: m2m.BITRATE_MODE_CBR,
        m2m.CID_GOP_SIZE: 3000,
        m2m.CID_H264_I_PERIOD: 3000,
        m2m.CID_H264_LEVEL: m2m.H264_LEVEL_4_0,
        m2m.CID_H264_PROFILE: m2m.H264_PROFILE_CONSTRAINED_BASELINE,
        m2m.CID_REPEAT_SEQ_HEADER: 1,
    }


@pytest.mark.parametrize("raw", [("YU12",), ("NV12",)])
@pytest.mark.parametrize("is_multiplanar", [True, False])
@pytest.mark.parametrize("blocks", [(2, 2), (16, 16)])
def test_the_driver_sees_the_picture_as_it_is(
    make: Make, raw: tuple[str, ...], is_multiplanar: bool, blocks: tuple[int, int]
) -> None:
    kernel = FakeM2mKernel(FakeBlock(raw=raw, is_multiplanar=is_multiplanar, blocks=blocks))

    frames = encoded(make(kernel), 6)

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(6)]
    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(6)]


def test_an_nv12_picture_goes_in_as_nv12(make: Make) -> None:
    content = i420(5)
    luma, chroma = content[: WIDTH * HEIGHT], content[WIDTH * HEIGHT :]
    half = len(chroma) // 2
    mixed = bytes(value for pair in zip(chroma[:half], chroma[half:], strict=True) for value in pair)
    base = as_frame(luma + mixed, WIDTH, HEIGHT, 1)
    start = base.planes[0].pointer
    frame = replace(base, pixel_format="nv12", planes=(Plane(start, WIDTH), Plane(start + WIDTH * HEIGHT, WIDTH)))
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    assert encoder.pixel_formats == ("yuv420p", "nv12")

    assert payload(encoder.encode(frame, key_frame=False)) == checksum(content)
    assert kernel.context.formats["output"][0] == "NV12"


def test_key_frames_come_when_asked_for(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel()), 6, keys=(3,))

    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False, True, False, False]


def test_without_a_control_for_it_a_new_stream_makes_the_key_frame(make: Make) -> None:
    controls = {key: value for key, value in BCM_CONTROLS.items() if key != m2m.CID_FORCE_KEY_FRAME}
    kernel = FakeM2mKernel(FakeBlock(controls=controls))

    frames = encoded(make(kernel), 6, keys=(0, 3))

    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False, True, False, False]
    assert kernel.context.order[-4:] == ["STREAMOFF capture", "STREAMOFF output", "STREAMON output", "STREAMON capture"]


def test_headers_of_their_own_stand_before_every_key_frame(make: Make) -> None:
    controls = {key: value for key, value in BCM_CONTROLS.items() if key != m2m.CID_REPEAT_SEQ_HEADER}
    kernel = FakeM2mKernel(FakeBlock(controls=controls, separate_headers=True))

    frames = encoded(make(kernel), 6, keys=(3,))

    for frame in (frames[0], frames[3]):
        assert frame is not None
        assert units(frame.data)[:2] == [SPS, PPS]


@pytest.mark.parametrize("held", [1, 2])
def test_a_driver_that_holds_pictures_back_delays_them_only(make: Make, held: int) -> None:
    kernel = FakeM2mKernel(FakeBlock(held=held))

    frames = encoded(make(kernel), 10)

    assert frames[:held] == [None] * held
    for index, frame in enumerate(frames[held:]):
        assert frame is not None
        assert frame.captured_ns == picture(index).captured_ns
        assert payload(frame) == checksum(i420(index))


def test_a_slow_start_does_not_leave_a_delay_behind(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(latency_ns=900_000_000))
    encoder = make(kernel)
    encoded(encoder, 2)
    kernel.block.latency_ns = 1_000_000
    kernel.clock.now_ns += 1_000_000_000

    frames = encoded(encoder, 5, start=2)

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(2, 7)]


def test_garbage_of_the_firmware_at_the_start_is_left_out(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(garbage_first=True))), 3)

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(3)]


def test_a_driver_without_times_is_taken_in_order(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(copies_time=False))), 3)

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(3)]


def test_a_picture_that_the_driver_dropped_is_none(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(drop_at=2))), 4)

    assert [frame is None for frame in frames] == [False, False, True, False]


def test_a_stall_is_an_error_after_a_second(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(stall_at=5))
    encoder = make(kernel)
    encoded(encoder, 5)
    before_ns = kernel.clock.now_ns

    with pytest.raises(EncoderError, match="no result from bcm2835-codec-encode for 1 s"):
        encoded(encoder, 1, start=5)

    assert kernel.clock.now_ns - before_ns < 1_200_000_000


def test_one_that_never_starts_is_an_error_too(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(stall_at=0))
    encoder = make(kernel)

    with pytest.raises(EncoderError, match="no result"):
        encoded(encoder, 4)


def test_a_damaged_picture_is_an_error(make: Make) -> None:
    encoder = make(FakeM2mKernel(FakeBlock(damage_at=2)))

    with pytest.raises(EncoderError, match="damaged"):
        encoded(encoder, 3)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOMEM, "cma-256"),
        (errno.ENOSPC, "cma-256"),
        (errno.EBUSY, "fuser /dev/video11"),
        (errno.EACCES, "usermod -aG video"),
        (errno.ENODEV, "kernel module"),
    ],
)
@pytest.mark.parametrize("request_name", ["open", "REQBUFS", "STREAMON"])
def test_what_prevents_opening_comes_with_its_remedy(
    make: Make, number: int, remedy: str, request_name: str, tmp_path: Path
) -> None:
    kernel = FakeM2mKernel()
    (node,) = find_encoders(kernel, "H264").nodes
    kernel.block.fail[getattr(v4l2, request_name, request_name)] = number

    with pytest.raises(EncoderError, match=remedy):
        M2mEncoder(SETTINGS, node, Budget("", 0, tmp_path), kernel=kernel, clock=kernel.clock)

    assert not kernel.contexts
    assert not list(tmp_path.glob("claim-*"))


@pytest.mark.parametrize("request_name", ["QBUF", "DQBUF"])
def test_a_device_that_fails_while_encoding_is_an_error(make: Make, request_name: str) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    encoded(encoder, 2)
    kernel.block.fail[getattr(v4l2, request_name)] = errno.EIO

    with pytest.raises(EncoderError, match="/dev/video11"):
        encoded(encoder, 1, start=2)


def test_close_gives_everything_back(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    context = kernel.context
    encoded(encoder, 2)

    encoder.close()
    encoder.close()

    assert not kernel.contexts
    assert not context.streaming
    assert not context.memory["output"]
    with pytest.raises(EncoderError, match="closed"):
        encoder.encode(picture(3), key_frame=False)


def test_the_bitrate_changes_while_it_runs(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    encoded(encoder, 3)

    encoder.set_rate(BitsPerSecond(310_000), 30)
    frames = encoded(encoder, 3, start=3)

    assert kernel.context.controls[m2m.CID_BITRATE] == 300_000
    assert not any(frame is None or frame.is_key for frame in frames)
    assert "STREAMOFF output" not in kernel.context.order


def test_the_bitrate_stays_within_what_the_driver_allows(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel).set_rate(BitsPerSecond(9_000), 30)

    assert kernel.context.controls[m2m.CID_BITRATE] == 25_000


def test_the_frame_rate_changes_while_it_runs(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)

    encoder.set_rate(RATE, 15)

    assert kernel.context.framerate == 15
    assert kernel.context.controls[m2m.CID_BITRATE] == 600_000


def test_a_driver_that_counts_pictures_is_told_more_when_fewer_come(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(has_interval=False))
    encoder = make(kernel)

    for index in range(40):
        encoder.encode(as_frame(i420(0), WIDTH, HEIGHT, 1 + 2 * index * 33_333_333), key_frame=False)

    codec = kernel.context.codec
    assert isinstance(codec, ToyCodec)
    assert codec.bitrates[-1] == pytest.approx(1_200_000, rel=0.05)


def test_an_encoder_without_a_bitrate_control_is_refused(make: Make) -> None:
    with pytest.raises(EncoderError, match="no bitrate control"):
        make(FakeM2mKernel(FakeBlock(controls={})))


def test_a_size_that_the_driver_cannot_do_is_refused_with_the_nearest(make: Make) -> None:
    with pytest.raises(EncoderError, match=r"cannot do 160x90, the nearest is 640x640"):
        make(FakeM2mKernel(FakeBlock(sizes=(640, 4096))))


def test_a_size_between_blocks_needs_a_crop(make: Make) -> None:
    with pytest.raises(EncoderError, match="cannot do 160x90"):
        make(FakeM2mKernel(FakeBlock(blocks=(16, 16), can_crop=False)))


def test_several_layers_are_several_encoders(make: Make) -> None:
    kernel = FakeM2mKernel()
    one, other = make(kernel), make(kernel)

    for index in range(4):
        assert payload(one.encode(picture(index), key_frame=False)) == checksum(i420(index))
        assert payload(other.encode(picture(index + 9), key_frame=False)) == checksum(i420(index + 9))

    assert len(kernel.contexts) == 2


def test_a_layer_beyond_the_budget_is_refused(make: Make) -> None:
    kernel = FakeM2mKernel()

    with pytest.raises(EncoderError, match=r"layer h \(160x90 at 30 frames/s, 0.4 Mpx/s\) does not fit"):
        make(kernel, SETTINGS, 400_000)

    assert not kernel.contexts


def test_a_small_layer_gives_way_to_a_larger_one(make: Make, tmp_path: Path) -> None:
    small = make(FakeM2mKernel(), SETTINGS, 3_000_000)
    encoded(small, 1)

    Budget("", 3_000_000, tmp_path / "claims").claim(Share("f", 320, 240, 36))

    with pytest.raises(EncoderError, match="gives its place in the hardware encoder to a larger layer"):
        encoded(small, 1, start=1)


def test_a_higher_frame_rate_needs_a_larger_share(make: Make) -> None:
    encoder = make(FakeM2mKernel(), SETTINGS, 500_000)

    with pytest.raises(EncoderError, match="does not fit"):
        encoder.set_rate(RATE, 60)


class SourceMemory:
    """A picture in memory that can be handed over, as a camera has it. stride: of the luma."""

    def __init__(self, index: int, *, stride: int = 192, size: int = 0) -> None:
        self.fd = os.memfd_create("picture")
        os.ftruncate(self.fd, size or stride * HEIGHT * 3 // 2)
        self.memory = mmap.mmap(self.fd, 0)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        luma, chroma = stride * HEIGHT, stride // 2 * (HEIGHT // 2)
        planes = (Plane(start, stride), Plane(start + luma, stride // 2), Plane(start + luma + chroma, stride // 2))
        self.frame = replace(picture(index), planes=planes, owner=self, dmabuf=self.fd)
        content, half = i420(index), WIDTH * HEIGHT // 4
        parts = (content[: -2 * half], content[-2 * half : -half], content[-half:])
        for plane, part, width in zip(planes, parts, (WIDTH, WIDTH // 2, WIDTH // 2), strict=True):
            for row in range(len(part) // width):
                ctypes.memmove(plane.pointer + row * plane.stride, part[row * width : (row + 1) * width], width)

    def close(self) -> None:
        os.close(self.fd)


def test_memory_of_the_source_goes_in_without_a_copy(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    sources = [SourceMemory(index) for index in range(3)]

    frames = [encoder.encode(sources[index % 3].frame, key_frame=False) for index in range(9)]

    assert [payload(frame) for frame in frames] == [checksum(i420(index % 3)) for index in range(9)]
    assert kernel.context.kind["output"] == m2m.MEMORY_DMABUF
    assert kernel.context.memory["output"] == []
    assert kernel.context.formats["output"][3] == 192
    for source in sources:
        source.close()


@pytest.mark.parametrize(
    ("block", "source"),
    [
        (FakeBlock(can_import=False), {}),
        (FakeBlock(fail={"dmabuf": errno.EINVAL}), {}),
        (FakeBlock(stride=128), {}),
        (FakeBlock(blocks=(2, 16)), {}),
    ],
    ids=["no import", "refused when queued", "other rows", "more rows"],
)
def test_memory_that_the_driver_cannot_take_is_copied(make: Make, block: FakeBlock, source: dict[str, int]) -> None:
    kernel = FakeM2mKernel(block)
    encoder = make(kernel)
    memory = SourceMemory(4, **source)

    frames = [encoder.encode(replace(memory.frame, captured_ns=1 + index), key_frame=False) for index in range(3)]

    assert [payload(frame) for frame in frames] == [checksum(i420(4))] * 3
    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False]
    assert kernel.context.kind["output"] == v4l2.MEMORY_MMAP
    memory.close()


def test_a_source_may_change_between_both(make: Make) -> None:
    encoder = make(FakeM2mKernel())
    memory = SourceMemory(1)

    frames = [
        encoder.encode(picture(0), key_frame=False),
        encoder.encode(memory.frame, key_frame=False),
        encoder.encode(picture(2), key_frame=False),
    ]

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(3)]
    memory.close()
