"""What to write instead of a wrong value: the sample and the unit that the model of a setting knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lkedge.config.locate import KeyPath
from lkedge.config.suggest import toml

BIT_RATE = "bit/s"
"""The one unit that people mistake."""

IN_A_TABLE = 2
"""Settings that the sample of a table shows."""


def remedy(model: type[BaseModel], path: KeyPath, is_limit: bool) -> str:
    """` bit/s` for such a number beyond its limit, `, such as 1700000 bit/s` else; "" when nothing is known.

    path: of the setting below the table that `model` describes.
    """
    field = _field(model, tuple(key for key in path if isinstance(key, str)))
    if field is None or not isinstance(path[-1], str):
        return ""
    unit = f" {BIT_RATE}" if _extra(field).get("x-unit") == BIT_RATE else ""
    if is_limit:
        return unit
    sample = _sample(field)
    return "" if sample is None else f", such as {toml(sample)}{unit}"


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a setting's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def _field(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    found: FieldInfo | None = None
    models = [model]
    for key in path:
        fields = (one.model_fields.get(str(key)) for one in models)
        found = next((field for field in fields if field is not None), None)
        if found is None:
            return None
        models = models_in(found.annotation)
    return found


def _sample(field: FieldInfo) -> Any:
    sample = _extra(field).get("x-example")
    if sample is not None:
        return sample
    for model in models_in(field.annotation):
        inner = {name: _extra(one).get("x-example") for name, one in model.model_fields.items()}
        known = [(name, value) for name, value in inner.items() if value is not None]
        if known:
            return dict(known[:IN_A_TABLE])
    return None


def _extra(field: FieldInfo) -> Mapping[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
