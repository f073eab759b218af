# lkedge: pure
"""The settings of a source, checked against the fields of its options dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from lkedge.config.suggest import did_you_mean, listed


@dataclass(frozen=True, slots=True)
class OptionField:
    """One field of an options dataclass, read once.

    type: bool, int, float or str; of the elements when `is_list`; dict for a table of scalars.
    default: dataclasses.MISSING when the setting is required.
    """

    name: str
    type: type[Any]
    is_list: bool
    default: Any
    help: str
    unit: str
    ge: float | None
    le: float | None
    choices: tuple[str, ...]
    is_path: bool

    @property
    def is_required(self) -> bool:
        return self.default is dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """key: the wrong setting; "" when it is missing."""

    key: str
    text: str


def option_fields(options_class: type[Any]) -> tuple[OptionField, ...]:
    """The settings of a source, in the order of the dataclass."""
    hints = get_type_hints(options_class)
    return tuple(_option_field(field, hints[field.name]) for field in dataclasses.fields(options_class))


def check_options(
    options_class: type[Any], given: Mapping[str, Any], absolute: Callable[[str, str], str]
) -> tuple[dict[str, Any], list[OptionProblem]]:
    """Complete and check the settings of a source.

    Args:
        given: the table of the file.
        absolute: makes the value of a path setting absolute, from key and value.

    Returns:
        The complete settings as plain values, and what is wrong with them.
    """
    fields = {field.name: field for field in option_fields(options_class)}
    problems = [*_unknown(given, fields), *_missing(given, fields)]
    values = {name: field.default for name, field in fields.items() if not field.is_required}
    for key in given.keys() & fields.keys():
        problem = _wrong(fields[key], given[key])
        if problem:
            problems.append(OptionProblem(key, problem))
        else:
            values[key] = _value(fields[key], given[key], absolute)
    return values, problems


def _option_field(field: dataclasses.Field[Any], hint: Any) -> OptionField:
    meta = field.metadata
    hint = _without_none(hint)
    is_list = get_origin(hint) in (tuple, list)
    return OptionField(
        name=field.name,
        type=get_args(hint)[0] if is_list else dict if get_origin(hint) in (dict, Mapping) else hint,
        is_list=is_list,
        default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
        help=meta.get("help", ""),
        unit=meta.get("unit", ""),
        ge=meta.get("ge"),
        le=meta.get("le"),
        choices=meta.get("choices", ()),
        is_path=meta.get("is_path", False),
    )


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return next(member for member in get_args(hint) if member is not type(None))
    return hint


def _unknown(given: Mapping[str, Any], fields: Mapping[str, OptionField]) -> Iterator[OptionProblem]:
    for key in given.keys() - fields.keys():
        hint = did_you_mean(key, fields) or f"; known here: {', '.join(fields) or 'nothing'}"
        yield OptionProblem(key, f"there is no such setting{hint}")


def _missing(given: Mapping[str, Any], fields: Mapping[str, OptionField]) -> Iterator[OptionProblem]:
    for field in fields.values():
        if field.is_required and field.name not in given:
            yield OptionProblem("", f"{field.name} is required: {field.help}")


def _wrong(field: OptionField, value: Any) -> str:
    """What is wrong with a value; "" when nothing is."""
    if field.is_list:
        if not isinstance(value, list):
            return "must be a list"
        return next(filter(None, (_wrong_scalar(field, entry) for entry in value)), "")
    return _wrong_table(value) if field.type is dict else _wrong_scalar(field, value)


def _wrong_table(value: Any) -> str:
    if not isinstance(value, dict):
        return "must be a table, such as { name = 1 }"
    wrong = next((key for key, entry in value.items() if not isinstance(entry, (bool, int, float, str))), None)
    return "" if wrong is None else f"{wrong} must be true, false, a number or a text in quotes"


def _wrong_scalar(field: OptionField, value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
    allowed = (int, float) if field.type is float else (field.type,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and field.type is not bool):
        return f"must be {names.get(field.type, field.type.__name__)}"
    if field.choices and value not in field.choices:
        return f"must be {listed(field.choices)}{did_you_mean(value, field.choices)}"
    return _out_of_range(field, value)


def _out_of_range(field: OptionField, value: Any) -> str:
    unit = f" {field.unit}" if field.unit else ""
    if field.ge is not None and value < field.ge:
        return f"must be at least {field.ge:g}{unit}"
    if field.le is not None and value > field.le:
        return f"must be at most {field.le:g}{unit}"
    return ""


def _value(field: OptionField, value: Any, absolute: Callable[[str, str], str]) -> Any:
    if field.is_path and isinstance(value, str):
        return absolute(field.name, value)
    return float(value) if field.type is float and isinstance(value, int) else value
