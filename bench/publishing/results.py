"""Measured values, and the table that compares them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.publishing.contenders import LKEDGE, SDK

BARE = "bare"


@dataclass(frozen=True)
class Goal:
    """text: as printed. holds: of the values of all columns."""

    text: str
    holds: Callable[[dict[str, float]], bool]


def at_most_of_sdk(factor: float) -> Goal:
    return Goal(f"<= {factor:g} of the SDK", lambda value: value[LKEDGE] <= factor * value[SDK])


def at_least_sdk(slack: float = 0.0) -> Goal:
    return Goal(">= the SDK", lambda value: value[LKEDGE] >= value[SDK] - slack)


def at_most(limit: float) -> Goal:
    return Goal(f"<= {limit:g}", lambda value: value[LKEDGE] <= limit)


def at_most_of_bare(factor: float) -> Goal:
    return Goal(f"<= {factor:g} of bare", lambda value: value[LKEDGE] <= factor * value[BARE])


@dataclass
class Row:
    """One line: samples of each column, of which the median counts."""

    title: str
    unit: str
    goals: tuple[Goal, ...] = ()
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, column: str, *values: float) -> None:
        self.samples.setdefault(column, []).extend(values)

    @property
    def medians(self) -> dict[str, float]:
        return {column: statistics.median(values) for column, values in self.samples.items() if values}

    def verdict(self, goal: Goal) -> str:
        """yes, no, or nothing when a column is missing."""
        try:
            return "yes" if goal.holds(self.medians) else "no"
        except KeyError:
            return ""

    def ratio_to(self, column: str) -> float | None:
        value = self.medians
        if LKEDGE not in value or not value.get(column):
            return None
        return value[LKEDGE] / value[column]

    def as_json(self) -> dict[str, Any]:
        goals = [{"goal": goal.text, "met": self.verdict(goal)} for goal in self.goals]
        ratios = {f"ratio_to_{column}": _rounded(self.ratio_to(column)) for column in (SDK, BARE)}
        return {
            "title": self.title,
            "unit": self.unit,
            **self.medians,
            **ratios,
            "goals": goals,
            "samples": self.samples,
        }


HEADINGS = ("", "unit", LKEDGE, "SDK", "bare", "/SDK", "/bare", "goal", "met")


def table(rows: Sequence[Row]) -> str:
    """Fixed-width text."""
    lines = [HEADINGS] + [line for row in rows for line in _lines(row)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEADINGS))]
    return "\n".join("  ".join(_aligned(line, widths)).rstrip() for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Numbers to the right."""
    return [
        cell.rjust(width) if 2 <= index <= 6 else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def _lines(row: Row) -> list[tuple[str, ...]]:
    values = [_number(row.medians.get(column)) for column in (LKEDGE, SDK, BARE)]
    ratios = [_number(row.ratio_to(column)) for column in (SDK, BARE)]
    goals = [(goal.text, row.verdict(goal)) for goal in row.goals] or [("", "")]
    first = (row.title, row.unit, *values, *ratios, *goals[0])
    return [first, *(("",) * 7 + goal for goal in goals[1:])]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
