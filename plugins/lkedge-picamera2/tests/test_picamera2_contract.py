"""The contract of every plugin, kept by this one."""

from __future__ import annotations

from lkedge.testing.plugin_contract import PluginContract


class TestPicamera2Plugin(PluginContract):
    name = "picamera2"
    target = "lkedge_picamera2.plugin"
    heavy_modules = ("picamera2", "libcamera", "numpy", "lkedge_picamera2.source", "lkedge_picamera2.camera")
