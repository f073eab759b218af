# lkedge: pure
"""Words for error messages: near misses, lists of what is allowed, values as TOML shows them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from enum import Enum
from typing import Any

SECRET_WORDS = ("secret", "credential", "token", "password")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, or nothing."""
    if not isinstance(word, str):
        return ""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, 1, 0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""


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
