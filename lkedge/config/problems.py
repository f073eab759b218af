"""Everything wrong with a configuration, each in one sentence with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lkedge.config.document import Document
from lkedge.config.locate import KeyPath
from lkedge.config.samples import remedy
from lkedge.config.suggest import called_otherwise, did_you_mean, listed, shown
from lkedge.errors import ConfigError

_TYPE_NAMES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "string_unicode": "valid Unicode",
    "string_type": "a text in quotes",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}

_LIMITS = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "too_long": "at most {max_length} entries long",
    "too_short": "at least {min_length} entries long",
    "string_too_long": "at most {max_length} characters long",
}

_WITH_SAMPLE = ("int_type", "float_type", "list_type", "model_type", "model_attributes_type")
_NUMERIC = ("greater_than_equal", "greater_than", "less_than_equal", "less_than", "multiple_of")


class Problems:
    """Collects while the loader goes on; raises at the end."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[tuple[tuple[int, int], str]] = [((-1, 0), text) for text in document.unreadable]

    def add(self, path: KeyPath, text: str) -> None:
        """Note that the setting at `path` is wrong: its value is shown, `text` says what is allowed."""
        key = str(path[-1]) if path else ""
        value = self._document.value(path)
        is_small = path and value is not None and not isinstance(value, dict)
        setting = f"{self.place(path)} = {shown(value, key)}" if is_small else self.place(path)
        self.add_plain(path, f"{setting}: {text}")

    def add_plain(self, path: KeyPath, text: str) -> None:
        """Note a sentence that already names its setting."""
        origin = self._document.origin(path)
        if origin is None:
            self._found.append(((-1, 0), text))
            return
        order = (self._document.files.index(origin.file), origin.line)
        entry = (order, f"{origin}: {text}")
        if entry not in self._found:
            self._found.append(entry)

    def place(self, path: KeyPath) -> str:
        """The path as people say it: `track "front", publish.video_codec`."""
        if len(path) >= 2 and path[0] == "track" and isinstance(path[1], int):
            name = self._document.value((*path[:2], "name"))
            track = f"track {shown(name)}" if isinstance(name, str) else f"track {path[1] + 1}"
            return ", ".join(filter(None, [track, _dotted(path[2:])]))
        return _dotted(path)

    def raise_if_any(self) -> None:
        """Raise ConfigError with all problems in the order of the files."""
        if self._found:
            ordered = sorted(self._found, key=lambda entry: entry[0])
            raise ConfigError([text for _, text in ordered])

    def add_invalid(
        self,
        prefix: KeyPath,
        details: Iterable[ErrorDetails],
        known: Mapping[KeyPath, list[str]],
        model: type[BaseModel] | None = None,
    ) -> list[KeyPath]:
        """Note what pydantic found in the table at `prefix`.

        known: the keys that each table may have, by path below `prefix` without indexes.
        model: of the table; it knows samples and units.

        Returns:
            The paths below `prefix` of the wrong values.
        """
        by_path: dict[KeyPath, list[ErrorDetails]] = {}
        for detail in details:
            by_path.setdefault(self._existing(prefix, detail), []).append(detail)
        for path, errors in by_path.items():
            self._add_one(prefix, path, errors, known, _remedy(model, path, errors))
        return list(by_path)

    def _existing(self, prefix: KeyPath, detail: ErrorDetails) -> KeyPath:
        """The part of an error's location that is in the file: pydantic adds names of union members."""
        path: KeyPath = ()
        for key in detail["loc"]:
            is_last = detail["type"] == "missing" and key == detail["loc"][-1]
            if is_last or self._has(prefix, (*path, key)):
                path = (*path, key)
        return path

    def _has(self, prefix: KeyPath, path: KeyPath) -> bool:
        around = self._document.value((*prefix, *path[:-1]))
        if isinstance(around, list):
            return isinstance(path[-1], int) and path[-1] < len(around)
        return isinstance(around, dict) and path[-1] in around

    def _add_one(
        self,
        prefix: KeyPath,
        path: KeyPath,
        errors: list[ErrorDetails],
        known: Mapping[KeyPath, list[str]],
        more: str,
    ) -> None:
        full = (*prefix, *path)
        if errors[0]["type"] == "extra_forbidden":
            allowed = known.get(tuple(key for key in path[:-1] if isinstance(key, str)), [])
            self.add_plain(full, f"{self.place(full)}: {unknown_setting(str(path[-1]), allowed, known)}")
        elif errors[0]["type"] == "missing":
            self.add_plain(full[:-1], f"{self.place(full)} is required")
        else:
            self.add(full, _expectation(errors) + more)


def unknown_setting(key: str, allowed: list[str], known: Mapping[KeyPath, list[str]]) -> str:
    """The sentence about a key that does not exist here."""
    near = called_otherwise(key, allowed, known) or did_you_mean(key, allowed)
    if not near:
        tables = [".".join(map(str, path)) for path, keys in known.items() if key in keys and path]
        near = f'; it belongs into "{tables[0]}"' if tables else f"; known here: {', '.join(sorted(allowed)) or 'none'}"
    return f"there is no such setting{near}"


def _remedy(model: type[BaseModel] | None, path: KeyPath, errors: list[ErrorDetails]) -> str:
    """What a sentence about a wrong type or limit ends with; nothing is added to choices."""
    kind = errors[0]["type"]
    if model is None or len(errors) > 1 or kind not in (*_NUMERIC, *_WITH_SAMPLE):
        return ""
    return remedy(model, path, kind in _NUMERIC)


def _expectation(errors: list[ErrorDetails]) -> str:
    """`must be ...`, of one error or of all members of a union."""
    if errors[0]["type"] == "value_error":
        return str(errors[0]["ctx"]["error"])
    if errors[0]["type"] == "string_too_short":
        return "must not be empty"
    wanted = " or ".join(dict.fromkeys(_wanted(error) for error in errors))
    choices = [name for error in errors for name in _choices(error)]
    return f"must be {wanted}{did_you_mean(errors[0]['input'], choices)}"


def _wanted(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    choices = _choices(error)
    if choices:
        return listed(choices)
    return _TYPE_NAMES.get(kind, error["msg"])


def _choices(error: ErrorDetails) -> list[str]:
    """What a literal or an enumeration allows; pydantic tells it only as text."""
    if error["type"] not in ("literal_error", "enum"):
        return []
    return re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))


def _dotted(path: KeyPath) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text
