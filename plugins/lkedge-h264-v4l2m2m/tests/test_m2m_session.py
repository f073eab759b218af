"""The protocol itself: draining to the end of the stream, restarting, finding nodes by capability."""

from __future__ import annotations

import errno

import pytest
from fake_codec import as_frame
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.controls import ControlRange
from lkedge_h264_v4l2m2m.node import Node, find_encoders
from lkedge_h264_v4l2m2m.session import Input, Session
from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import EncoderError

WIDTH, HEIGHT = 64, 48


def opened(kernel: FakeM2mKernel) -> Session:
    (node,) = find_encoders(kernel, "H264").nodes
    session = Session(node, "H264", Input(WIDTH, HEIGHT, 30, "YU12"), kernel)
    session.start()
    return session


def queue(session: Session, count: int) -> None:
    for index in range(count):
        session.queue(as_frame(bytes(WIDTH * HEIGHT * 3 // 2), WIDTH, HEIGHT, 0), index + 1)


def test_draining_gives_out_what_was_held_back_and_ends() -> None:
    kernel = FakeM2mKernel(FakeBlock(held=2))
    session = opened(kernel)
    queue(session, 3)

    coded = session.drain(kernel.clock, 1)

    assert [buffer.timestamp_us for buffer in coded if buffer.data] == [1, 2, 3]
    assert coded[-1].data == b""


def test_after_draining_a_new_stream_can_begin() -> None:
    kernel = FakeM2mKernel()
    session = opened(kernel)
    queue(session, 2)
    session.drain(kernel.clock, 1)

    session.restart()
    queue(session, 1)

    (coded,) = session.take(0.1)
    assert coded.is_flagged_key
    session.close()
    assert not kernel.contexts


def test_a_drain_that_does_not_end_is_an_error() -> None:
    kernel = FakeM2mKernel(FakeBlock(stall_at=0))
    session = opened(kernel)
    queue(session, 1)

    with pytest.raises(EncoderError, match=r"did not finish in 0\.5 s"):
        session.drain(kernel.clock, 0.5)


def test_an_encoder_is_found_by_what_it_can() -> None:
    found = find_encoders(FakeM2mKernel(path="/dev/video31"), "H264")

    assert found.nodes == (
        Node("/dev/video31", "bcm2835-codec-encode", "bcm2835-codec", "platform:encoder", True, ("YU12", "NV12")),
    )


@pytest.mark.parametrize("block", [FakeBlock(coded="MJPG"), FakeBlock(raw=("RGB3",))], ids=["other codec", "no yuv"])
def test_other_devices_are_left_out(block: FakeBlock) -> None:
    assert find_encoders(FakeM2mKernel(block), "H264").nodes == ()


def test_a_decoder_is_left_out() -> None:
    assert find_encoders(FakeM2mKernel(FakeBlock(coded="YU12", raw=("H264",))), "H264").nodes == ()


def test_a_node_that_cannot_be_opened_is_told() -> None:
    kernel = FakeM2mKernel(FakeBlock(fail={"open": errno.EACCES}))

    found = find_encoders(kernel, "H264")

    assert found.nodes == ()
    assert found.problems == ("/dev/video11: Permission denied",)


def test_a_driver_that_fails_while_negotiating_is_closed_again() -> None:
    kernel = FakeM2mKernel()
    (node,) = find_encoders(kernel, "H264").nodes
    kernel.block.fail[v4l2.S_FMT] = errno.EIO

    with pytest.raises(EncoderError, match="taking pictures of 64x48"):
        Session(node, "H264", Input(WIDTH, HEIGHT, 30, "YU12"), kernel)

    assert not kernel.contexts


def test_a_control_is_set_within_its_range_and_once() -> None:
    kernel = FakeM2mKernel()
    controls = opened(kernel).controls

    assert controls.set(m2m.CID_BITRATE, 99_999)
    kernel.context.controls.clear()
    assert controls.set(m2m.CID_BITRATE, 99_999)

    assert kernel.context.controls == {}
    assert not controls.set(m2m.CID_FRAME_RC_ENABLE, 1)
    assert controls.read(m2m.CID_MIN_BUFFERS_FOR_OUTPUT) is None


@pytest.mark.parametrize(("wanted", "value"), [(0, 25), (30, 25), (60, 50), (1000, 100)])
def test_a_value_is_rounded_down_to_a_step(wanted: int, value: int) -> None:
    assert ControlRange(25, 100, 25).nearest(wanted) == value
