"""The contract of every plugin, kept by this one."""

from __future__ import annotations

from lkedge.testing.plugin_contract import PluginContract


class TestV4l2Plugin(PluginContract):
    name = "v4l2"
    target = "lkedge_v4l2.plugin"
    heavy_modules = ("av", "numpy", "lkedge_v4l2.source", "lkedge_v4l2.device")
