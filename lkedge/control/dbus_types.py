# lkedge: pure
"""Between the models of commands and D-Bus types.

| in a model          | on D-Bus                                      |
|---------------------|-----------------------------------------------|
| bool, int, float    | b, x, d                                       |
| text, enumeration   | s                                             |
| list of T           | aT                                            |
| table of T by text  | a{sT}                                         |
| model               | a{sv}, without the fields that are None       |
| anything else       | v                                             |
"""

from __future__ import annotations

import math
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from dbus_fast import Variant
from pydantic import BaseModel

from lkedge.control.errors import Code, ControlError

TABLE = "a{sv}"
MAX_DEPTH = 16
"""Of tables within tables; a configuration needs four."""

_SCALARS = {bool: "b", int: "x", float: "d"}


def signature_of(annotation: Any) -> str:
    """The D-Bus type of a field."""
    kind = bare(annotation)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list:
        return f"a{signature_of(inner[0])}"
    if origin is dict:
        return f"a{{s{signature_of(inner[1])}}}"
    if origin is not None or not isinstance(kind, type):
        return "s" if inner and all(isinstance(choice, str) for choice in inner) else "v"
    if issubclass(kind, BaseModel):
        return TABLE
    return "s" if issubclass(kind, str) else _SCALARS.get(kind, "v")


def bare(annotation: Any) -> Any:
    """A type without Annotated and without None."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(inner[0])
    if origin in (Union, UnionType):
        left = [choice for choice in inner if choice is not NoneType]
        return bare(left[0]) if len(left) == 1 else annotation
    return annotation


def encoded(annotation: Any, value: Any) -> Any:
    """A value of a field as dbus-fast writes its `signature_of`."""
    kind = bare(annotation)
    if isinstance(value, BaseModel):
        return table_of(value)
    if isinstance(value, list | tuple):
        return [encoded(get_args(kind)[0], entry) for entry in value]
    if isinstance(value, dict):
        return {text(key): encoded(get_args(kind)[1], entry) for key, entry in value.items()}
    plain_value = text(value) if isinstance(value, str) else value
    return variant(plain_value) if signature_of(kind) == "v" else plain_value


def table_of(model: BaseModel, *, only: frozenset[str] | None = None) -> dict[str, Variant]:
    """A model as a{sv}; fields that are None are left out. only: names of fields, None for all."""
    return {
        name: _entry(field.annotation, value)
        for name, field in type(model).model_fields.items()
        if (only is None or name in only) and (value := getattr(model, name)) is not None
    }


def _entry(annotation: Any, value: Any) -> Variant:
    """What is a variant already is not wrapped once more."""
    whole = encoded(annotation, value)
    return whole if isinstance(whole, Variant) else Variant(signature_of(annotation), whole)


def variant(value: bool | int | float | str) -> Variant:
    """A scalar that says its own type."""
    return Variant("s" if isinstance(value, str) else _SCALARS[type(value)], value)


def text(value: str) -> str:
    """A text that D-Bus can carry: no NUL and no lone surrogates (D-Bus Specification, "string")."""
    return str(value).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def plain(value: Any, depth: int = 0) -> Any:
    """What came in, as JSON would have it: variants opened.

    Raises:
        ControlError: `invalid_argument`: bytes, structures, keys that are no text, numbers that
            are not finite, or tables too deep in each other.
    """
    if depth > MAX_DEPTH:
        raise ControlError(Code.INVALID_ARGUMENT, f"the tables are more than {MAX_DEPTH} deep")
    if isinstance(value, Variant):
        return plain(value.value, depth + 1) if value.signature != "h" else _refuse("a file descriptor")
    if isinstance(value, list):
        return [plain(entry, depth + 1) for entry in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return _refuse(f"the number {value}")
    return value if isinstance(value, bool | int | float | str) else _refuse(f"a value of type {type(value).__name__}")


def _refuse(what: str) -> Any:
    raise ControlError(Code.INVALID_ARGUMENT, f"{what} makes no sense here")
