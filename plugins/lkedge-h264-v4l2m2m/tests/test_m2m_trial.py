"""lkedge's own trial tells a good block from one that only seems so: the plugin needs none of its own."""

from __future__ import annotations

import errno

import pytest
from encoder_rig import Rig
from fake_codec import ToyCodec, X264Codec
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m

from lkedge.builtin.scaler import Scaler
from lkedge.plugin.api import EncoderRegistration
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.trial import run_trial
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult

RATE = BitsPerSecond(600_000)
LAYERS = tuple(TrialLayer(Rid(rid), *size, 30.0, RATE) for rid, size in (("h", (160, 90)), ("f", (320, 180))))


class GreyCodec(X264Codec):
    """Makes good H.264 of another picture."""

    def encode(self, i420: bytes, *, is_key: bool, bitrate: int, framerate: float) -> list[bytes]:
        return super().encode(bytes(len(i420)), is_key=is_key, bitrate=bitrate, framerate=framerate)


class NoKeyCodec(X264Codec):
    """Sends the first key frame again and again as if it were another kind of picture."""

    def encode(self, i420: bytes, *, is_key: bool, bitrate: int, framerate: float) -> list[bytes]:
        is_first = self._encoder is None
        return super().encode(i420, is_key=is_key and is_first, bitrate=bitrate, framerate=framerate)


def tried(make: Rig, block: FakeBlock) -> TrialResult:
    kernel = FakeM2mKernel(block)
    registration = EncoderRegistration(
        "h264-v4l2m2m", Codec.H264, "", 200, video=lambda settings: make(kernel, settings)
    )
    result = run_trial(registration, TrialRequest("h264-v4l2m2m", Codec.H264, LAYERS), Scaler())
    assert not kernel.contexts
    return result


@pytest.mark.parametrize("latency_ns", [5_000_000, 25_000_000], ids=["in step", "one picture behind"])
def test_a_good_block_passes(make: Rig, latency_ns: int) -> None:
    result = tried(make, FakeBlock(codec=X264Codec, latency_ns=latency_ns))

    assert result.reason == ""
    assert [layer.reason for layer in result.layers] == ["", ""]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (FakeBlock(codec=ToyCodec), "cannot be decoded|decode to"),
        (FakeBlock(codec=GreyCodec), "differ by"),
        (FakeBlock(codec=NoKeyCodec), "no key frame when asked"),
        (FakeBlock(codec=X264Codec, stall_at=3), "no result"),
        (FakeBlock(codec=X264Codec, fail={m2m.S_CTRL: errno.EIO}), "setting a control"),
        (FakeBlock(codec=X264Codec, sizes=(640, 1920)), "cannot do 160x90"),
    ],
    ids=["noise", "grey", "no key frame", "stall", "failing", "too small"],
)
def test_a_bad_one_fails_and_says_why(make: Rig, block: FakeBlock, reason: str) -> None:
    result = tried(make, block)

    assert any(part in result.reason for part in reason.split("|")), result.reason
