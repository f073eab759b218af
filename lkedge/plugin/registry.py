# lkedge: pure
"""What all plugins together offer: sources by name, encoders by codec and rank, processors by rank, settings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lkedge.config.track_keys import TRACK_KEYS
from lkedge.errors import PluginError
from lkedge.plugin.api import EncoderRegistration, ProcessorRegistration, SourceRegistration
from lkedge.terms import Codec, TrackKind

NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Registry:
    """Filled once by the plugin manager, read by everybody else."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceRegistration] = {}
        self._encoders: dict[str, EncoderRegistration] = {}
        self._processors: dict[str, ProcessorRegistration] = {}
        self._settings: dict[str, type[Any]] = {}
        self._offers: Mapping[str, dict[str, Any]] = {
            "source": self._sources,
            "encoder": self._encoders,
            "processor": self._processors,
            "settings table": self._settings,
        }
        self._owner: dict[tuple[str, str], str] = {}

    @property
    def sources(self) -> Mapping[str, SourceRegistration]:
        """By name, in the order of registration."""
        return MappingProxyType(self._sources)

    @property
    def encoders(self) -> Mapping[str, EncoderRegistration]:
        """By name, in the order of registration."""
        return MappingProxyType(self._encoders)

    @property
    def processors(self) -> Mapping[str, ProcessorRegistration]:
        """By name, the highest rank first."""
        return dict(sorted(self._processors.items(), key=lambda item: -item[1].rank))

    @property
    def settings(self) -> Mapping[str, type[Any]]:
        """The options dataclasses of the plugins that have settings of their own, by plugin."""
        return MappingProxyType(self._settings)

    def encoders_for(self, codec: Codec) -> list[EncoderRegistration]:
        """All encoders of a codec, the highest rank first."""
        matching = (entry for entry in self._encoders.values() if entry.codec is codec)
        return sorted(matching, key=lambda entry: -entry.rank)

    def plugin_of_source(self, name: str) -> str:
        """The plugin that registered this source."""
        return self._owner["source", name]

    def add_source(self, registration: SourceRegistration, plugin: str = "") -> None:
        """Take one source.

        Raises:
            PluginError: the registration breaks the contract, or its name is taken.
        """
        check_source(registration)
        self._claim("source", registration.name, plugin)
        self._sources[registration.name] = registration

    def add_encoder(self, registration: EncoderRegistration, plugin: str = "") -> None:
        """Take one encoder. Raises as `add_source`."""
        check_encoder(registration)
        self._claim("encoder", registration.name, plugin)
        self._encoders[registration.name] = registration

    def add_processor(self, registration: ProcessorRegistration, plugin: str = "") -> None:
        """Take one audio processor. Raises as `add_source`."""
        check_processor(registration)
        self._claim("processor", registration.name, plugin)
        self._processors[registration.name] = registration

    def add_settings(self, options: type[Any], plugin: str) -> None:
        """Take the settings of a plugin itself, one table. Raises as `add_source`."""
        _check_options(f"plugin {plugin!r}", plugin, options)
        self._claim("settings table", plugin, plugin)
        self._settings[plugin] = options

    def add_all(
        self,
        sources: Iterable[SourceRegistration],
        encoders: Iterable[EncoderRegistration],
        plugin: str,
        processors: Iterable[ProcessorRegistration] = (),
        settings: Iterable[type[Any]] = (),
    ) -> None:
        """Take everything that a plugin offers, or nothing. Raises as `add_source`."""
        try:
            for source in sources:
                self.add_source(source, plugin)
            for encoder in encoders:
                self.add_encoder(encoder, plugin)
            for processor in processors:
                self.add_processor(processor, plugin)
            for options in settings:
                self.add_settings(options, plugin)
        except PluginError:
            self.remove_all(plugin)
            raise

    def remove_all(self, plugin: str) -> None:
        """Forget everything that a plugin offered."""
        for role, name in [key for key, owner in self._owner.items() if owner == plugin]:
            del self._owner[role, name]
            self._offers[role].pop(name)

    def _claim(self, role: str, name: str, plugin: str) -> None:
        owner = self._owner.setdefault((role, name), plugin)
        if name in self._offers[role]:
            raise PluginError(
                f"the {role} {name!r} of plugin {plugin!r} is already offered by plugin {owner!r}; "
                "rename one of them or uninstall one of the plugins"
            )


def check_source(registration: SourceRegistration) -> None:
    """Raise PluginError when a source registration breaks its contract."""
    _check_type(registration, SourceRegistration, "lkedge_register_sources")
    name = registration.name
    _check_name("source", name)
    if name in TRACK_KEYS:
        raise PluginError(f"a source may not be named {name!r}: that is a setting of [[track]]")
    if not registration.kinds:
        raise PluginError(f"the source {name!r} names no kind; give frozenset({{TrackKind.VIDEO}}) or the like")
    for kind, factory in ((TrackKind.VIDEO, registration.video), (TrackKind.AUDIO, registration.audio)):
        _check_factory("source", name, kind, factory, is_wanted=kind in registration.kinds)
    _check_options(f"source {name!r}", name, registration.options)


def check_encoder(registration: EncoderRegistration) -> None:
    """Raise PluginError when an encoder registration breaks its contract."""
    _check_type(registration, EncoderRegistration, "lkedge_register_encoders")
    _check_name("encoder", registration.name)
    kind = registration.codec.kind
    factory = registration.video if kind is TrackKind.VIDEO else registration.audio
    _check_factory("encoder", registration.name, kind, factory, is_wanted=True)


def check_processor(registration: ProcessorRegistration) -> None:
    """Raise PluginError when a processor registration breaks its contract."""
    _check_type(registration, ProcessorRegistration, "lkedge_register_processors")
    _check_name("processor", registration.name)
    if not callable(registration.make):
        raise PluginError(f"the processor {registration.name!r} has no factory; give it as `make`")


def _check_type(registration: object, expected: type[Any], hook: str) -> None:
    if not isinstance(registration, expected):
        raise PluginError(f"{hook} must register a {expected.__name__}, not {type(registration).__name__}")


def _check_name(role: str, name: str) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(f"{name!r} is no name for a {role}: use lower-case letters, digits, '-' and '_'")


def _check_factory(role: str, name: str, kind: TrackKind, factory: object, *, is_wanted: bool) -> None:
    if is_wanted and not callable(factory):
        raise PluginError(f"the {role} {name!r} says it does {kind.value}, but has no {kind.value} factory")


def _check_options(owner: str, name: str, options: type[Any]) -> None:
    if not (isinstance(options, type) and dataclasses.is_dataclass(options)):
        raise PluginError(f"the options of {owner} must be a frozen dataclass of option() fields")
    for field in dataclasses.fields(options):
        if "help" not in field.metadata:
            raise PluginError(f"the option {name}.{field.name} has no help; declare it with option()")
