# lkedge: pure
"""The findings for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from lkedge.doctor.finding import Finding, Level, worst

MARKS = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL"}
NARROW = 60


def text(findings: Sequence[Finding], width: int = 100) -> str:
    """One line for each finding, the remedy below it, and a last line that counts.

    width: of the terminal.
    """
    column = max((len(finding.subject) for finding in findings), default=0)
    lines = [line for finding in findings for line in _lines(finding, column, max(width, NARROW))]
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    if worst(findings) is Level.OK:
        return f"All {counts[Level.OK]} checks are well."
    parts = [_counted(counts[Level.FAIL], "failure"), _counted(counts[Level.WARN], "warning")]
    return f"{', '.join(filter(None, parts))}, {counts[Level.OK]} well."


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "level": worst(findings).value,
        "findings": [
            {"level": one.level.value, "subject": one.subject, "seen": one.seen, "remedy": one.remedy}
            for one in findings
        ],
    }


def _lines(finding: Finding, column: int, width: int) -> list[str]:
    first = f"{MARKS[finding.level]}  {finding.subject.ljust(column)}  "
    rest = " " * len(first)
    seen = textwrap.wrap(finding.seen, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    remedy = textwrap.wrap(
        finding.remedy, width, initial_indent=f"{rest}-> ", subsequent_indent=f"{rest}   ", break_on_hyphens=False
    )
    return [*(seen or [first.rstrip()]), *remedy]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
