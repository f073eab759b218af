"""The fakes as a plugin, for workers in tests: `plugins=("lkedge.testing.fakes_plugin",)`."""

from __future__ import annotations

from collections.abc import Callable

from lkedge.plugin.api import EncoderRegistration, SourceRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec, TrackKind
from lkedge.testing.fakes import (
    BrokenEncoder,
    EncodedSource,
    FakeEncoder,
    FlakyOptions,
    FlakySource,
    HangingSource,
    PatternSource,
)
from lkedge.testing.fakes_controls import ControlledSource

VIDEO = frozenset({TrackKind.VIDEO})


@hookimpl
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    register(SourceRegistration("pattern", VIDEO, "grey pictures", video=PatternSource))
    register(SourceRegistration("flaky", VIDEO, "goes wrong as told", video=FlakySource, options=FlakyOptions))
    register(SourceRegistration("hanging", VIDEO, "hangs after five frames", video=HangingSource))
    register(SourceRegistration("controlled", VIDEO, "has live controls", video=ControlledSource))
    register(SourceRegistration("encoded", VIDEO, "encodes by itself", video=EncodedSource))


@hookimpl
def lkedge_register_encoders(register: Callable[[EncoderRegistration], None]) -> None:
    register(EncoderRegistration("fake-vp8", Codec.VP8, "a few bytes per frame", rank=2, video=FakeEncoder))
    register(EncoderRegistration("broken-vp8", Codec.VP8, "fails after ten frames", rank=1, video=BrokenEncoder))
