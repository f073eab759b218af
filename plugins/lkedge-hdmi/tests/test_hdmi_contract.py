"""The contract of every plugin, kept by this one."""

from __future__ import annotations

from lkedge.testing.plugin_contract import PluginContract


class TestHdmiPlugin(PluginContract):
    name = "hdmi"
    target = "lkedge_hdmi.plugin"
    heavy_modules = ("av", "numpy", "lkedge_hdmi.source", "lkedge_v4l2.device")
