"""The settings of the models and of the sources as plain rows, for the example and the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from lkedge.config.options import OptionField
from lkedge.config.sections import Section
from lkedge.config.suggest import listed, toml

_SCALARS = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "table of texts"}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    allowed: type and range in words. default: what happens without it, "" when there is nothing to say.
    example: a value as TOML writes it, "" when there is none.
    """

    name: str
    allowed: str
    default: str
    meaning: str
    example: str
    is_required: bool = False


def rows(section: type[Section]) -> Iterator[Row]:
    """The settings of one table, in order."""
    for name, field in section.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        example: Any = extra.get("x-example")
        yield Row(
            name,
            _in_words(field, str(extra.get("x-unit", ""))),
            str(extra.get("x-default", "")),
            field.description or "",
            "" if example is None else toml(example),
            field.is_required(),
        )


def option_row(option: OptionField) -> Row:
    """One setting of a source."""
    limits = {"at least {:g}": option.ge, "at most {:g}": option.le}
    allowed = listed(option.choices) if option.choices else _SCALARS.get(option.type, "text")
    if option.type is dict:
        allowed = "table of true or false, numbers or texts"
    if option.is_path:
        allowed = "path, relative to this file"
    parts = [allowed, option.unit, *(text.format(limit) for text, limit in limits.items() if limit is not None)]
    default = "" if option.is_required else toml(option.default)
    return Row(
        option.name, ", ".join(filter(None, parts)), default, option.help, default or '"..."', option.is_required
    )


def tables(section: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    """The tables directly inside a table: name and model, lists of tables too."""
    for name, field in section.model_fields.items():
        for model in _models(field.annotation):
            yield name, model


def _models(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _in_words(field: FieldInfo, unit: str) -> str:
    kinds = list(dict.fromkeys(_kinds(field.annotation)))
    return ", ".join(filter(None, [" or ".join(kinds), unit, *_limits(field)]))


def _kinds(annotation: Any) -> Iterator[str]:
    if annotation is NoneType:
        return
    if get_origin(annotation) is Literal:
        yield listed(get_args(annotation))
    elif get_origin(annotation) is list:
        yield f"list of {' or '.join(dict.fromkeys(_kinds(get_args(annotation)[0])))}"
    elif get_origin(annotation) is dict:
        yield _SCALARS[dict]
    elif get_args(annotation) and not isinstance(annotation, type):
        inner = get_args(annotation)
        is_annotated = hasattr(annotation, "__metadata__")
        for argument in inner[:1] if is_annotated else inner:
            yield from _kinds(argument)
    elif issubclass(annotation, Section):
        yield "table"
    elif issubclass(annotation, Enum):
        yield listed(member.value for member in annotation)
    else:
        yield _SCALARS[annotation]


def _limits(field: FieldInfo) -> Iterator[str]:
    names = {"ge": "at least {:g}", "gt": "more than {:g}", "le": "at most {:g}", "multiple_of": "a multiple of {:g}"}
    for constraint in field.metadata:
        for name, text in names.items():
            limit = getattr(constraint, name, None)
            if isinstance(limit, (int, float)):
                yield text.format(limit)
