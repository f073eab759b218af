"""In the worker: what cannot be done in hardware goes on in software, with a key frame and the reason in the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_codec import X264Codec
from fake_m2m import BCM_CONTROLS, FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.node import find_encoders

from lkedge.builtin.x264 import X264Encoder
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import LayerState
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import PictureDecoder, clip
from lkedge.worker.encode import EncoderChoice, LayerEncoder
from lkedge.worker.events import EncoderFailed, EncoderOpened

FULL = LayerState(Rid("f"), True, 320, 180, BitsPerSecond(600_000), 30.0)
HALF = dataclasses.replace(FULL, rid=Rid("h"), width=160, height=90)

MakeLayer = Callable[[LayerState], "Layer"]


class Layer:
    """One layer of the worker, fed with a clip of its own size."""

    def __init__(self, state: LayerState, hardware: Callable[[VideoEncoderSettings], VideoEncoder]) -> None:
        self.opened: list[str] = []
        self._clip = iter(clip(state.width, state.height, 40))
        candidates = [
            EncoderRegistration("h264-v4l2m2m", Codec.H264, "", 200, video=hardware),
            EncoderRegistration("x264", Codec.H264, "", video=X264Encoder),
        ]
        choice = EncoderChoice(Codec.H264, candidates)
        self._layer = LayerEncoder(dataclasses.replace(state, active=False), choice, self._report)
        self._layer.configure(state, 30.0, 0)

    def encode(self, count: int) -> list[EncodedFrame]:
        """What came of the next pictures."""
        results = [self._one(next(self._clip)) for _ in range(count)]
        return [frame for frame in results if frame is not None]

    def _one(self, picture: VideoFrame) -> EncodedFrame | None:
        return self._layer.encode(lambda *_: picture) if self._layer.wants(picture.captured_ns) else None

    def _report(self, event: EncoderOpened | EncoderFailed) -> None:
        assert isinstance(event, EncoderOpened), event
        self.opened.append(event.encoder)


def layers(kernel: FakeM2mKernel, folder: Path, pixel_rate: int) -> MakeLayer:
    (node,) = find_encoders(kernel, "H264").nodes

    def hardware(settings: VideoEncoderSettings) -> VideoEncoder:
        budget = Budget(node.card, pixel_rate, folder)
        return M2mEncoder(settings, node, budget, kernel=kernel, clock=kernel.clock)

    return lambda state: Layer(state, hardware)


def check_decodable(frames: list[EncodedFrame], size: tuple[int, int]) -> None:
    assert frames[0].is_key
    decoder = PictureDecoder(Codec.H264)
    pictures = [picture for frame in frames for picture in decoder.decode(frame)]
    assert [picture[:2] for picture in pictures] == [size] * len(frames)


def test_a_stalled_encoder_is_rebuilt_and_then_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kernel = FakeM2mKernel(FakeBlock(codec=X264Codec, stall_at=5))
    layer = layers(kernel, tmp_path, 0)(FULL)

    first, second, rest = layer.encode(6), layer.encode(6), layer.encode(6)

    assert layer.opened == ["h264-v4l2m2m", "h264-v4l2m2m", "x264"]
    assert "no result from bcm2835-codec-encode for 1 s" in caplog.text
    for frames, count in ((first, 5), (second, 5), (rest, 6)):
        assert len(frames) == count
        check_decodable(frames, (320, 180))
    assert not kernel.contexts


@pytest.mark.parametrize("can_force", [True, False])
def test_one_that_never_gives_anything_is_replaced(tmp_path: Path, can_force: bool) -> None:
    """The layer asks for a key frame with every picture; that must not hide that none has come."""
    controls = {name: values for name, values in BCM_CONTROLS.items() if can_force or name != m2m.CID_FORCE_KEY_FRAME}
    layer = layers(FakeM2mKernel(FakeBlock(codec=X264Codec, stall_at=0, controls=controls)), tmp_path, 0)(FULL)

    check_decodable(layer.encode(10), (320, 180))

    assert layer.opened == ["h264-v4l2m2m", "h264-v4l2m2m", "x264"]


def test_a_layer_beyond_the_budget_goes_on_in_software(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make = layers(FakeM2mKernel(FakeBlock(codec=X264Codec)), tmp_path, 2_000_000)
    full, half = make(FULL), make(HALF)

    check_decodable(full.encode(4), (320, 180))
    check_decodable(half.encode(6), (160, 90))

    assert full.opened == ["h264-v4l2m2m"]
    assert half.opened == ["x264"]
    assert "layer h (160x90 at 30 frames/s, 0.4 Mpx/s) does not fit into the hardware encoder" in caplog.text


def test_a_larger_layer_takes_the_place_of_a_smaller_one(tmp_path: Path) -> None:
    make = layers(FakeM2mKernel(FakeBlock(codec=X264Codec)), tmp_path, 2_000_000)
    full, half = make(FULL), make(HALF)
    half.encode(3)

    check_decodable(full.encode(4), (320, 180))
    check_decodable(half.encode(6), (160, 90))

    assert full.opened == ["h264-v4l2m2m"]
    assert half.opened == ["h264-v4l2m2m", "x264"]
