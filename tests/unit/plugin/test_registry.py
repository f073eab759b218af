from __future__ import annotations

import pytest

from lkedge.config.sections import TrackSection
from lkedge.config.track_keys import TRACK_KEYS
from lkedge.errors import PluginError
from lkedge.plugin.api import EncoderRegistration, SourceRegistration
from lkedge.plugin.registry import Registry
from lkedge.terms import Codec, TrackKind


def source(name: str) -> SourceRegistration:
    return SourceRegistration(name, frozenset({TrackKind.VIDEO}), "s", video=lambda c, o: None)  # type: ignore[arg-type,return-value]


def encoder(name: str, rank: int, codec: Codec = Codec.VP8) -> EncoderRegistration:
    return EncoderRegistration(name, codec, "s", rank, lambda s: None, lambda s: None)  # type: ignore[arg-type,return-value]


def test_encoders_come_by_rank() -> None:
    registry = Registry()
    for entry in (encoder("a", 100), encoder("b", 200), encoder("c", 100), encoder("d", 300, Codec.H264)):
        registry.add_encoder(entry)

    assert [entry.name for entry in registry.encoders_for(Codec.VP8)] == ["b", "a", "c"]
    assert registry.encoders_for(Codec.OPUS) == []


def test_a_taken_name_names_both_plugins() -> None:
    registry = Registry()
    registry.add_source(source("cam"), "one")

    with pytest.raises(PluginError, match="'cam' of plugin 'two' is already offered by plugin 'one'"):
        registry.add_source(source("cam"), "two")


def test_all_or_nothing() -> None:
    registry = Registry()
    registry.add_source(source("cam"), "one")

    with pytest.raises(PluginError):
        registry.add_all([source("new"), source("cam")], [], "two")
    assert list(registry.sources) == ["cam"]


def test_a_plugin_that_offers_a_name_twice_gets_nothing() -> None:
    registry = Registry()
    with pytest.raises(PluginError):
        registry.add_all([source("cam"), source("cam")], [], "one")
    assert not registry.sources
    registry.add_source(source("cam"), "two")


def test_the_settings_of_a_track_are_no_names_for_sources() -> None:
    assert set(TrackSection.model_fields) == TRACK_KEYS
