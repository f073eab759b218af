# lkedge: pure
"""Dataclasses to and from JSON values, strictly by their type hints.

A worker runs code of plugins and may be broken, so what it sends is checked as any
foreign input: a missing or unknown key or a value of another type is a ValueError.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

Decoder = Callable[[Any], Any]
T = typing.TypeVar("T")


def to_json(value: Any) -> Any:
    """A dataclass, enum, mapping or sequence as plain JSON values; others as they are."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, set, frozenset)):
        return [to_json(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def from_json(cls: type[T], data: Any) -> T:
    """An instance of the dataclass `cls`.

    Raises:
        ValueError: `data` does not have that shape.
    """
    return typing.cast(T, _decoder(typing.cast(Any, cls))(data))


@lru_cache(maxsize=256)
def _decoder(hint: Any) -> Decoder:
    if hint is Any:
        return lambda value: value
    if supertype := getattr(hint, "__supertype__", None):
        return _decoder(supertype)
    if origin := typing.get_origin(hint):
        return _generic(origin, typing.get_args(hint))
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint))
    if issubclass(hint, Enum):
        return typing.cast(Decoder, hint)
    return _number if hint is float else _exactly(hint)


def _exactly(cls: type) -> Decoder:
    def decode(value: Any) -> Any:
        if type(value) is not cls:
            raise ValueError(f"{value!r:.80} is not of type {cls.__name__}")
        return value

    return decode


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{value!r:.80} is not a number")
    return float(value)


def _generic(origin: Any, args: tuple[Any, ...]) -> Decoder:
    if origin in (typing.Union, types.UnionType):
        return _union(args)
    if origin is tuple:
        return _sequence(_decoder(args[0]))
    return _mapping(_decoder(args[0]), _decoder(args[1]))


def _union(args: tuple[Any, ...]) -> Decoder:
    """Something or None, or one of several plain types."""
    inner, *others = [arg for arg in args if arg is not types.NoneType]
    decode = _one_of((inner, *others)) if others else _decoder(inner)
    return (lambda value: None if value is None else decode(value)) if types.NoneType in args else decode


def _one_of(classes: tuple[type, ...]) -> Decoder:
    def decode(value: Any) -> Any:
        if type(value) not in classes:
            raise ValueError(f"{value!r:.80} is none of {', '.join(cls.__name__ for cls in classes)}")
        return value

    return decode


def _sequence(item: Decoder) -> Decoder:
    def decode(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r:.80} is not a list")
        return tuple(item(part) for part in value)

    return decode


def _mapping(key: Decoder, item: Decoder) -> Decoder:
    def decode(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r:.80} is not an object")
        return {key(name): item(part) for name, part in value.items()}

    return decode


def _dataclass(cls: type) -> Decoder:
    hints = typing.get_type_hints(cls)
    decoders = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(cls)}

    def decode(value: Any) -> Any:
        if not isinstance(value, dict) or value.keys() != decoders.keys():
            raise ValueError(f"{value!r:.80} is not a {cls.__name__}")
        return cls(**{name: decode_item(value[name]) for name, decode_item in decoders.items()})

    return decode
