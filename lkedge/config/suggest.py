# lkedge: pure
"""Words for error messages: near misses, lists of what is allowed, values as TOML shows them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

Table = tuple[Any, ...]

ABBREVIATED = 3
"""Letters that are enough to know a word by its beginning."""

SECRET_WORDS = ("secret", "credential", "token", "password")


SYNONYMS = {
    "fps": ("framerate", "max_framerate"),
    "frame_rate": ("framerate", "max_framerate"),
    "resolution": ("width", "height"),
    "size": ("width", "height"),
    "bitrate": ("max_bitrate", "audio_bitrate"),
    "codec": ("video_codec",),
    "layers": ("video_simulcast_layers",),
}
"""What settings are called elsewhere."""

IN_FILES = ("api_key", "api_secret", "token")
"""Secrets that others write into their configuration."""


def called_otherwise(key: str, allowed: Iterable[str], known: Mapping[Table, Iterable[str]]) -> str:
    """`; here it is "framerate" in "capture"` for a setting with another name here, or nothing.

    allowed: the settings where it stands. known: of all tables.
    """
    if key in IN_FILES and f"{key}_file" in allowed:
        return f'; what is secret has a file of its own, which is named here with "{key}_file"'
    names = SYNONYMS.get(key, ())
    near = [name for name in names if name in allowed]
    if near:
        return f"; here it is {listed(near, 'and')}"
    places: dict[Table, list[str]] = {}
    for name in names:
        table = next((table for table, settings in known.items() if name in settings), None)
        if table is not None:
            places.setdefault(table, []).append(name)
    texts = [f'{listed(found, "and")} in "{".".join(map(str, table))}"' for table, found in places.items()]
    return f"; here it is {' or '.join(texts)}" if texts else ""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, or nothing."""
    if not isinstance(word, str):
        return ""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, 1, 0.6) or _begun(word.lower(), by_lower)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""


def _begun(word: str, known: Iterable[str]) -> list[str]:
    """What an abbreviation, such as "mic", may stand for."""
    found = [name for name in known if len(word) >= ABBREVIATED and name.startswith(word)]
    return found if len(found) == 1 else []


def listed(names: Iterable[str], word: str = "or") -> str:
    """`"a", "b" or "c"`."""
    quoted = [f'"{name}"' for name in names]
    return f" {word} ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else "nothing"


def shown(value: Any, key: str = "", limit: int = 60) -> str:
    """A value as TOML writes it, shortened; never that of a secret."""
    text = toml(_masked(value, key))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _masked(value: Any, key: str) -> Any:
    if any(key == word or key.endswith("_" + word) for word in SECRET_WORDS):
        return "(secret)"
    if isinstance(value, dict):
        return {name: _masked(entry, name) for name, entry in value.items()}
    return [_masked(entry, key) for entry in value] if isinstance(value, list) else value


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(key)} = {toml(entry)}" for key, entry in value.items() if entry is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(entry) for entry in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bool, int, float, str)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def toml_key(key: str) -> str:
    """A key as TOML writes it: bare where that is possible."""
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else json.dumps(key, ensure_ascii=False)
