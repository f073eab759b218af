"""The contract suites of lkedge, and what is particular to this plugin."""

from __future__ import annotations

from pathlib import Path

from lkedge_grey.plugin import GreyOptions
from lkedge_grey.source import GreySource

from lkedge.plugin.api import VideoCaptureSettings
from lkedge.testing.plugin_contract import PluginContract
from lkedge.testing.source_contract import VideoSourceContract


class TestPlugin(PluginContract):
    name = "grey"
    target = "lkedge_grey.plugin"
    heavy_modules = ("av", "numpy")


class TestGreySource(VideoSourceContract):
    capabilities = frozenset({"two_at_once"})

    def make_source(self, tmp_path: Path) -> GreySource:
        return GreySource(VideoCaptureSettings(320, 180, 30.0), GreyOptions())


def test_it_is_as_bright_as_configured() -> None:
    source = GreySource(VideoCaptureSettings(4, 2, 1000.0), GreyOptions(luma=60))
    source.open()
    assert source.read().owner == bytes([60] * 8 + [128] * 4)
