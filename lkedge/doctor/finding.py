# lkedge: pure
"""What a check found out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    subject: a word or two, such as "CMA memory". seen: what is the case, with values.
    remedy: what to do about it, best as a command; "" when all is well.
    """

    level: Level
    subject: str
    seen: str
    remedy: str = ""


def ok(subject: str, seen: str) -> Finding:
    return Finding(Level.OK, subject, seen)


def warn(subject: str, seen: str, remedy: str) -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding(Level.WARN, subject, seen, remedy)


def fail(subject: str, seen: str, remedy: str) -> Finding:
    """Something that was asked for cannot work like this."""
    return Finding(Level.FAIL, subject, seen, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
