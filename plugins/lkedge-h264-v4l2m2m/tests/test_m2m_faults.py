"""What goes wrong with an encoder, and what it cannot do: a sentence each, in time, and nothing left open."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from encoder_rig import SETTINGS, Make, encoded, picture
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.node import find_encoders
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import EncoderError


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


def test_an_encoder_without_a_bitrate_control_is_refused(make: Make) -> None:
    with pytest.raises(EncoderError, match="no bitrate control"):
        make(FakeM2mKernel(FakeBlock(controls={})))


def test_a_size_that_the_driver_cannot_do_is_refused_with_the_nearest(make: Make) -> None:
    with pytest.raises(EncoderError, match=r"cannot do 160x90, the nearest is 640x640"):
        make(FakeM2mKernel(FakeBlock(sizes=(640, 4096))))


def test_a_size_between_blocks_needs_a_crop(make: Make) -> None:
    with pytest.raises(EncoderError, match="cannot do 160x90"):
        make(FakeM2mKernel(FakeBlock(blocks=(16, 16), can_crop=False)))
