"""The contracts of lkedge, kept on a fake block that makes real H.264."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fake_codec import X264Codec
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.node import find_encoders

from lkedge.plugin.api import VideoEncoder, VideoEncoderSettings
from lkedge.terms import Codec
from lkedge.testing.encoder_contract import VideoEncoderContract
from lkedge.testing.plugin_contract import PluginContract


class TestPlugin(PluginContract):
    name = "h264-v4l2m2m"
    target = "lkedge_h264_v4l2m2m.plugin"
    heavy_modules = ("av", "numpy", "lkedge_h264_v4l2m2m.machine", "lkedge_v4l2.kernel")


class BlockContract(VideoEncoderContract):
    codec = Codec.H264
    block = FakeBlock(codec=X264Codec)

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_encoder(self, settings: VideoEncoderSettings) -> VideoEncoder:
        kernel = FakeM2mKernel(self.block)
        (node,) = find_encoders(kernel, "H264").nodes
        budget = Budget(node.card, 62_700_000, Path(tempfile.mkdtemp(dir=self.folder)))
        return M2mEncoder(settings, node, budget, kernel=kernel, clock=kernel.clock)


class TestMultiplanar(BlockContract):
    """As bcm2835-codec: repeated headers, rows of 64 bytes."""


class TestSinglePlanarNv12(BlockContract):
    """A driver of another kind: NV12 only, blocks of 16 with a crop, headers once and apart, slow."""

    block = FakeBlock(
        codec=X264Codec,
        is_multiplanar=False,
        raw=("NV12",),
        blocks=(16, 16),
        separate_headers=True,
        garbage_first=True,
        flags_keys=False,
        latency_ns=10_000_000,
        controls={key: value for key, value in FakeBlock().controls.items() if key not in (0x9909E2,)},
    )


del BlockContract
