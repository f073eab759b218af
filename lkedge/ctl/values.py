# lkedge: pure
"""`NAME=VALUE` of the command line as JSON values, and rates in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lkedge.ctl.errors import UsageError

MULTIPLES = {"k": 1_000, "K": 1_000, "m": 1_000_000, "M": 1_000_000}
RATES = ("bitrate",)
"""Settings whose name ends so may be written as 300k or 1.5M."""


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """`a.b=1 c=x` as {"a": {"b": 1}, "c": "x"}.

    Raises:
        UsageError: a word is no assignment, or a name is given twice.
    """
    table: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or not all(name.split(".")):
            raise UsageError(f"{word!r} is no NAME=VALUE")
        _put(table, name.split("."), value(name, text))
    return table


def value(name: str, text: str) -> Any:
    """true, false, numbers, "none", lists and tables in JSON, and everything else as text."""
    if text in ("none", "null"):
        return None
    rate = bits_per_second(text) if name.endswith(RATES) else None
    if rate is not None:
        return rate
    try:
        return json.loads(text)
    except ValueError:
        return text


def bits_per_second(text: str) -> int | None:
    """`300k` and `1.5M` as 300000 and 1500000; None when it is neither."""
    multiple = MULTIPLES.get(text[-1:])
    try:
        return round(float(text[:-1]) * multiple) if multiple else None
    except (ValueError, OverflowError):
        return None


def rate(bits: int) -> str:
    """Bits per second for people; "-" for none."""
    if bits <= 0:
        return "-"
    return f"{bits / 1e6:.2f} Mbit/s" if bits >= 1_000_000 else f"{bits / 1e3:.0f} kbit/s"


def duration(seconds: float) -> str:
    """`3 d 4 h`, `5 min 2 s`: the two largest units."""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left, parts = int(seconds), list[str]()
    for unit, length in units:
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _put(table: dict[str, Any], path: list[str], new: Any) -> None:
    *folders, name = path
    for folder in folders:
        table = table.setdefault(folder, {})
        if not isinstance(table, dict):
            raise UsageError(f"{'.'.join(path)!r} is a setting and a table at once")
    if name in table:
        raise UsageError(f"{'.'.join(path)!r} is given twice")
    table[name] = new
