"""The hooks. Importing this loads no native library."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from lkedge.plugin.api import AudioProcessor, AudioProcessorSettings, ProcessorRegistration
from lkedge.plugin.hookspecs import hookimpl


def _processor(settings: AudioProcessorSettings) -> AudioProcessor:
    from lkedge_apm.processor import ApmProcessor

    return ApmProcessor(settings)


def _why_not() -> str:
    """`livekit` is a name that several distributions share, so only the module itself tells."""
    try:
        is_there = importlib.util.find_spec("livekit.rtc") is not None
    except ImportError:
        is_there = False
    return "" if is_there else "the package livekit is not installed; `pip install livekit`"


@hookimpl
def lkedge_register_processors(register: Callable[[ProcessorRegistration], None]) -> None:
    """Offer the processor "apm"."""
    register(
        ProcessorRegistration("apm", "WebRTC's echo, noise, gain and high-pass processing", _processor, 100, _why_not)
    )
