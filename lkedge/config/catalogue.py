# lkedge: pure
"""What the loader must know of the plugins: a view of `lkedge.plugin.registry.Registry`.

The configuration stands below the plugins, so it names what it needs instead of importing it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lkedge.terms import Codec, TrackKind


class SourceEntry(Protocol):
    """options: a dataclass whose fields carry the metadata of `lkedge.plugin.api.option`."""

    @property
    def name(self) -> str: ...
    @property
    def kinds(self) -> frozenset[TrackKind]: ...
    @property
    def summary(self) -> str: ...
    @property
    def options(self) -> type[Any]: ...


class EncoderEntry(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def codec(self) -> Codec: ...


class Catalogue(Protocol):
    """The sources, encoders and audio processors that exist, by name.

    settings: the options dataclasses of plugins that have settings of their own, by plugin.
    """

    @property
    def sources(self) -> Mapping[str, SourceEntry]: ...
    @property
    def encoders(self) -> Mapping[str, EncoderEntry]: ...
    @property
    def processors(self) -> Mapping[str, object]: ...
    @property
    def settings(self) -> Mapping[str, type[Any]]: ...
