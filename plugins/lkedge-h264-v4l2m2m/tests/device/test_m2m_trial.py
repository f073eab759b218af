"""lkedge's own trial of encoders on a real driver: vicodec makes pictures, but not H.264."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fwht_decoder import FwhtDecoder
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.coding import FWHT
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel
from lkedge_h264_v4l2m2m.node import Node, find_encoders
from lkedge_h264_v4l2m2m.stream import Deadlines

from lkedge.builtin.scaler import Scaler
from lkedge.errors import EncoderError
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.lab import LabDevices
from lkedge.worker.trial import run_trial
from lkedge.worker.trial_dmabuf import DmabufPicture
from lkedge.worker.trial_values import TrialLayer, TrialRequest

pytestmark = pytest.mark.device

WIDTH, HEIGHT = 640, 368
"""Multiples of 16: the driver's rows and ours agree."""

RATE = BitsPerSecond(1_000_000)
LAYERS = tuple(TrialLayer(Rid(rid), WIDTH, HEIGHT, 30.0, RATE) for rid in "fhq")
EMULATED = Deadlines(first_s=10, stall_s=10, in_step=1000)
TOLERATED_DIFFERENCE = 8


class Block:
    """The driver as an encoder of lkedge; remembers what it opened."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node, self._folder = node, folder
        self.opened: list[M2mEncoder] = []

    def __call__(self, settings: VideoEncoderSettings) -> VideoEncoder:
        budget = Budget(self._node.card, 0, self._folder)
        self.opened.append(M2mEncoder(settings, self._node, budget, coding=FWHT, deadlines=EMULATED))
        return self.opened[-1]


@pytest.fixture
def block(lab_devices: LabDevices, tmp_path: Path) -> Iterator[Block]:
    (node,) = find_encoders(LinuxM2mKernel(), "FWHT").nodes
    made = Block(node, tmp_path / "claims")
    yield made
    for encoder in made.opened:
        encoder.close()


def registration(make: Block) -> EncoderRegistration:
    return EncoderRegistration("vicodec", Codec.H264, "", 200, video=make)


def test_every_layer_is_encoded_and_what_is_no_h264_is_found_out(block: Block) -> None:
    stages: list[str] = []

    result = run_trial(registration(block), TrialRequest("vicodec", Codec.H264, LAYERS), Scaler(), tell=stages.append)

    assert len(block.opened) == len(LAYERS), "all of them at the same time"
    assert stages[-1] == "decoding what it made"
    assert [layer.reason for layer in result.layers] == [result.reason] * 3
    assert "key frames is not true" in result.reason


def test_a_size_that_the_driver_refuses_is_told_with_its_words(block: Block) -> None:
    small = (replace(LAYERS[0], width=160, height=90),)

    result = run_trial(registration(block), TrialRequest("vicodec", Codec.H264, small), Scaler())

    assert "cannot do 160x90, the nearest is 640x360" in result.reason


def test_a_picture_that_only_hardware_can_see_is_imported(block: Block) -> None:
    clip = DmabufPicture(WIDTH, HEIGHT)
    encoder = block(VideoEncoderSettings(Codec.H264, Rid("f"), WIDTH, HEIGHT, 30, RATE, RATE))
    frame = encoder.encode(clip.at(0, 30), key_frame=False)
    assert frame is not None

    decoder = FwhtDecoder("/dev/lab/decoder", WIDTH, HEIGHT, is_multiplanar=False)
    try:
        luma = decoder.decode(frame.data)
    finally:
        decoder.close()

    row = HEIGHT // 2
    shown, wanted = luma[row * WIDTH : (row + 1) * WIDTH], clip.row(0, row)
    assert sum(abs(one - other) for one, other in zip(shown, wanted, strict=True)) / WIDTH < TOLERATED_DIFFERENCE


def test_there_is_nothing_to_import_from_without_a_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkedge.worker.trial_dmabuf.HEAPS", ())
    with pytest.raises(EncoderError, match="no DMA heap gives memory"):
        DmabufPicture(WIDTH, HEIGHT)
