"""The contract suites on a real X server."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from lkedge_screen.options import ScreenOptions
from lkedge_screen.source import ScreenSource
from xvfb import Xvfb

from lkedge.plugin.api import VideoCaptureSettings
from lkedge.testing.plugin_contract import PluginContract
from lkedge.testing.source_contract import VideoSourceContract

CAPTURE = VideoCaptureSettings(framerate=60.0)


class TestPlugin(PluginContract):
    name = "screen"
    target = "lkedge_screen.plugin"
    heavy_modules = ("av", "numpy", "mmap")


class TestScreenSource(VideoSourceContract):
    capabilities: ClassVar[frozenset[str]] = frozenset({"two_at_once", "missing", "vanishes"})

    @pytest.fixture(autouse=True)
    def _server(self, server: Xvfb) -> None:
        self.server = server

    def make_source(self, tmp_path: Path) -> ScreenSource:
        return ScreenSource(CAPTURE, ScreenOptions(display=self.server.display))

    def make_missing_source(self, tmp_path: Path) -> ScreenSource:
        return ScreenSource(CAPTURE, ScreenOptions(display=":9999"))

    def vanish(self, source: ScreenSource) -> None:
        self.server.end()


class TestWithoutSharedMemory(TestScreenSource):
    """Pictures through the socket, as a server without MIT-SHM sends them."""

    @pytest.fixture(autouse=True)
    def _server(self, plain_server: Xvfb) -> None:
        self.server = plain_server
