"""The encoder on a real driver: vicodec, a stateful encoder whose codec is FWHT, with its own decoder.

What is special to H.264 (headers, bitrate, constrained baseline) is not seen here.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dma_heap import HeapPicture
from fwht_decoder import FwhtDecoder
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.coding import FWHT, H264
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel
from lkedge_h264_v4l2m2m.node import Node, find_encoders
from lkedge_h264_v4l2m2m.picture import Layout
from lkedge_h264_v4l2m2m.probe import CACHE_FILE, Probe
from lkedge_h264_v4l2m2m.session import Input, Session
from lkedge_h264_v4l2m2m.stream import Deadlines
from lkedge_v4l2 import videodev2 as v4l2
from moving_wave import sample

from lkedge.clock import SystemClock
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.lab import LabDevices

pytestmark = pytest.mark.device

WIDTH, HEIGHT = 640, 360
RATE = BitsPerSecond(1_000_000)
SETTINGS = VideoEncoderSettings(Codec.H264, Rid("f"), WIDTH, HEIGHT, 30, RATE, RATE)

EMULATED = Deadlines(first_s=10, stall_s=10, in_step=1000)
"""An emulated processor encodes a few pictures a second."""

TOLERATED_DIFFERENCE = 8
"""Mean, of 255, at vicodec's default quantizers."""

Make = Callable[..., M2mEncoder]


@pytest.fixture
def node(lab_devices: LabDevices) -> Node:
    (found,) = find_encoders(LinuxM2mKernel(), "FWHT").nodes
    assert found.path == os.path.realpath(lab_devices.video("encoder"))
    return found


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes encoders on a node and closes them at the end."""
    made: list[M2mEncoder] = []

    def encoder(node: Node, settings: VideoEncoderSettings = SETTINGS, deadlines: Deadlines = EMULATED) -> M2mEncoder:
        budget = Budget(node.card, 0, tmp_path / "claims")
        made.append(M2mEncoder(settings, node, budget, coding=FWHT, deadlines=deadlines))
        return made[-1]

    yield encoder
    for each in made:
        each.close()


@pytest.fixture
def multiplanar_node(lab_devices: LabDevices) -> Iterator[Node]:
    """vicodec loaded with its other interface."""
    _reload("multiplanar=1")
    try:
        (found,) = find_encoders(LinuxM2mKernel(), "FWHT").nodes
        assert found.is_multiplanar
        yield found
    finally:
        _reload()


def _reload(*parameters: str) -> None:
    for command in (["modprobe", "-r", "vicodec"], ["modprobe", "vicodec", *parameters], ["udevadm", "settle"]):
        subprocess.run(command, check=True, timeout=30)


def encoded(encoder: M2mEncoder, indexes: range, keys: tuple[int, ...] = ()) -> list[EncodedFrame]:
    frames = [encoder.encode(sample(WIDTH, HEIGHT, index), key_frame=index in keys) for index in indexes]
    assert None not in frames
    return [frame for frame in frames if frame is not None]


def check_pictures(frames: list[EncodedFrame], first: int, *, is_multiplanar: bool = False) -> None:
    """They decode to the pictures that went in."""
    decoder = FwhtDecoder("/dev/lab/decoder", WIDTH, HEIGHT, is_multiplanar=is_multiplanar)
    try:
        for index, frame in enumerate(frames, first):
            assert difference(decoder.decode(frame.data), sample(WIDTH, HEIGHT, index)) < TOLERATED_DIFFERENCE
    finally:
        decoder.close()


def difference(luma: bytes, picture: VideoFrame) -> float:
    """Mean absolute difference of every 20th row."""
    start, stride = picture.planes[0]
    rows = range(0, HEIGHT, 20)
    went_in = b"".join(ctypes.string_at(start + row * stride, WIDTH) for row in rows)
    came_out = b"".join(luma[row * WIDTH : (row + 1) * WIDTH] for row in rows)
    return sum(abs(one - other) for one, other in zip(went_in, came_out, strict=True)) / len(went_in)


def test_pictures_survive(node: Node, make: Make) -> None:
    frames = encoded(make(node), range(6))

    assert [frame.captured_ns for frame in frames] == [sample(2, 2, index).captured_ns for index in range(6)]
    assert [frame.is_key for frame in frames] == [True] + [False] * 5
    check_pictures(frames, 0)


def test_pictures_survive_the_multiplanar_interface(multiplanar_node: Node, make: Make) -> None:
    check_pictures(encoded(make(multiplanar_node), range(4)), 0, is_multiplanar=True)


def test_key_frames_come_when_asked_for(node: Node, make: Make) -> None:
    frames = encoded(make(node), range(6), keys=(3,))

    assert [frame.is_key for frame in frames] == [True, False, False, True, False, False]
    check_pictures(frames[3:], 3)


def test_a_slow_driver_works_while_the_next_picture_is_prepared(node: Node, make: Make) -> None:
    encoder = make(node, deadlines=replace(EMULATED, in_step=0))

    results = [encoder.encode(sample(WIDTH, HEIGHT, index), key_frame=index == 6) for index in range(8)]

    assert [index for index, result in enumerate(results) if result is None] == [2, 7], "late by one, but the key frame"
    frames = [result for result in results if result is not None]
    assert [frame.captured_ns for frame in frames] == [sample(2, 2, index).captured_ns for index in (0, 1, 2, 3, 4, 6)]
    assert [frame.is_key for frame in frames] == [True] + [False] * 4 + [True]
    check_pictures(frames[:5], 0)


def test_several_layers_are_several_encoders(node: Node, make: Make) -> None:
    encoders = [make(node) for _ in range(3)]

    frames = [
        [encoded(each, range(10 * turn + index, 10 * turn + index + 1))[0] for index in range(3)]
        for turn, each in enumerate(encoders)
    ]

    for turn, each in enumerate(frames):
        check_pictures(each, 10 * turn)


def test_a_size_below_what_it_can_is_refused_with_the_nearest(node: Node, make: Make) -> None:
    with pytest.raises(EncoderError, match="cannot do 320x180, the nearest is 640x360"):
        make(node, replace(SETTINGS, width=320, height=180))


def test_a_layer_may_change_its_rate(node: Node, make: Make) -> None:
    encoder = make(node)
    encoded(encoder, range(2))

    encoder.set_rate(BitsPerSecond(300_000), 15)

    check_pictures_after_start(encoder)


def check_pictures_after_start(encoder: M2mEncoder) -> None:
    frames = encoded(encoder, range(2, 4))
    assert not any(frame.is_key for frame in frames)


def test_draining_ends_the_stream_and_a_new_one_may_begin(node: Node) -> None:
    session = Session(node, "FWHT", Input(WIDTH, HEIGHT, 30, "YU12"), LinuxM2mKernel())
    try:
        session.start()
        for index in range(2):
            session.queue(sample(WIDTH, HEIGHT, index), 1 + index)
        coded = session.drain(SystemClock(), 20)
        assert [buffer.timestamp_us for buffer in coded if buffer.data] == [1, 2]
        session.restart()
        session.queue(sample(WIDTH, HEIGHT, 2), 3)
        assert [buffer.timestamp_us for buffer in session.drain(SystemClock(), 20) if buffer.data] == [3]
    finally:
        session.close()


def test_an_encoder_that_stalls_is_noticed(node: Node, make: Make) -> None:
    encoder = make(node, deadlines=replace(EMULATED, stall_s=2))
    encoded(encoder, range(2))
    take_its_buffers_away(encoder)

    with pytest.raises(EncoderError, match="no result from vicodec"):
        encoder.encode(sample(WIDTH, HEIGHT, 2), key_frame=False)


def take_its_buffers_away(encoder: M2mEncoder) -> None:
    """A driver without a buffer for its result waits for ever, as one does whose hardware hangs."""
    stream = encoder._stream
    assert stream is not None
    stream.session._capture.stop()
    stream.session._capture.start()
    # The driver calls it an error, and no stall, when it has nothing at all to work on.
    stream.session.queue(sample(WIDTH, HEIGHT, 99), 1)


def test_it_can_be_rebuilt_after_it_failed(node: Node, make: Make) -> None:
    test_an_encoder_that_stalls_is_noticed(node, make)

    check_pictures(encoded(make(node), range(2)), 0)


@pytest.mark.parametrize(("rows", "kind"), [(368, m2m.MEMORY_DMABUF), (360, v4l2.MEMORY_MMAP)])
def test_memory_of_the_source_goes_in_where_it_fits(node: Node, make: Make, rows: int, kind: int) -> None:
    encoder = make(node)
    layout = Layout("YU12", WIDTH, HEIGHT, WIDTH, rows)
    memories = [HeapPicture(sample(WIDTH, HEIGHT, index), layout) for index in range(4)]

    frames: list[Any] = [encoder.encode(memory.frame, key_frame=False) for memory in memories]

    stream = encoder._stream
    assert stream is not None
    assert stream.session._output._memory_kind == kind
    check_pictures(frames, 0)


def test_it_is_measured_and_remembered(lab_devices: LabDevices, tmp_path: Path) -> None:
    verdict = Probe(coding=FWHT, cache=tmp_path / "cache", shared=tmp_path / "run").verdict()

    assert verdict.reason == ""
    assert verdict.is_measured
    assert verdict.pixel_rate > 0
    assert (tmp_path / "cache" / CACHE_FILE).exists()


def test_there_is_no_encoder_for_h264_here(lab_devices: LabDevices, tmp_path: Path) -> None:
    verdict = Probe(coding=H264, cache=tmp_path / "cache", shared=tmp_path / "run").verdict()

    assert verdict.reason.startswith("this machine has no V4L2 encoder for H.264")
