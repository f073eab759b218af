"""The JSON Schema for editors: `etc/lkedge/lkedge.schema.json` and `lkedge config --schema`."""

from __future__ import annotations

import json
from typing import Any

from lkedge.config.catalogue import Catalogue, SourceEntry
from lkedge.config.options import OptionField, option_fields
from lkedge.config.sections import FileSection

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object"}


def schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema with the settings of all sources of a catalogue."""
    result: dict[str, Any] = _cleaned(FileSection.model_json_schema())
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    result["title"] = "lkedge configuration"
    track = result["$defs"]["TrackSection"]
    for source in catalogue.sources.values():
        track["properties"][source.name] = _source(source)
    result["properties"]["plugin"]["properties"] = {
        name: _table(f'settings of the plugin "{name}"', options) for name, options in catalogue.settings.items()
    }
    # Tables of plugins that are not installed here; a misspelt plain setting is still found.
    track["additionalProperties"] = {"type": "object"}
    return result


def schema_text(catalogue: Catalogue) -> str:
    """The schema as a file."""
    return json.dumps(schema(catalogue), indent=2, ensure_ascii=False) + "\n"


def _source(source: SourceEntry) -> dict[str, Any]:
    return _table(f'settings of the source "{source.name}": {source.summary}', source.options)


def _table(description: str, options: type[Any]) -> dict[str, Any]:
    fields = option_fields(options)
    result: dict[str, Any] = {
        "type": "object",
        "description": description,
        "properties": {field.name: _option(field) for field in fields},
        "additionalProperties": False,
    }
    required = [field.name for field in fields if field.is_required]
    return result | ({"required": required} if required else {})


def _option(field: OptionField) -> dict[str, Any]:
    single: dict[str, Any] = {"type": _TYPES.get(field.type, "string")}
    if field.type is dict:
        single["additionalProperties"] = {"type": ["boolean", "number", "string"]}
    limits = {"minimum": field.ge, "maximum": field.le, "enum": list(field.choices) or None}
    single |= {key: value for key, value in limits.items() if value is not None}
    result = {"type": "array", "items": single} if field.is_list else single
    default = {} if field.is_required or field.default is None else {"default": field.default}
    return result | default | {"description": field.help}


def _cleaned(node: Any) -> Any:
    """Without what only pydantic means: nulls (TOML has none), titles, our own notes."""
    if isinstance(node, list):
        return [_cleaned(entry) for entry in node if entry != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    default = node.get("x-default")
    kept = {key: _cleaned(value) for key, value in node.items() if not _is_noise(key, value)}
    if default and "description" in kept:
        kept["description"] = f"{kept['description']} (default: {default})"
    if len(kept.get("anyOf", ())) == 1:
        kept |= kept.pop("anyOf")[0]
    return kept


def _is_noise(key: str, value: Any) -> bool:
    return key.startswith("x-") or (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
