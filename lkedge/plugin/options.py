# lkedge: pure
"""From a checked table of settings to the options object of a source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from lkedge.errors import PluginError

T = TypeVar("T")


def build_options(options_class: type[T], mapping: Mapping[str, Any]) -> T:
    """Make the options that a source's factory receives.

    Args:
        options_class: the `options` of a SourceRegistration.
        mapping: the settings, already validated by the configuration loader; lists become
            tuples and whole numbers become floats where the field says so.

    Raises:
        PluginError: a setting is unknown, or a required one is missing.
    """
    hints = get_type_hints(options_class)
    values = {key: _converted(value, hints.get(key)) for key, value in mapping.items()}
    try:
        return options_class(**values)
    except TypeError as error:
        raise PluginError(f"the settings {sorted(mapping)} do not fit {options_class.__name__}: {error}") from error


def default_options(options_class: type[Any]) -> dict[str, Any]:
    """The settings that have a default, with it."""
    defaults = {field.name: _default(field) for field in dataclasses.fields(options_class)}
    return {name: default for name, default in defaults.items() if default is not dataclasses.MISSING}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _converted(value: Any, hint: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if hint is float and isinstance(value, int):
        return float(value)
    return value
