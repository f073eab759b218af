# lkedge: pure
"""Decides whether the daemon is alive, from what its parts say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.clock import SECOND_NS

PATIENCE_NS = 5 * SECOND_NS
"""So long a part may be in trouble before the watchdog goes hungry: a pause of the machine is no fault."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from one look.

    is_alive: feed the watchdog. complaint: to be logged now: a part is stuck, or all are well again; "" mostly.
    """

    is_alive: bool
    complaint: str = ""


class VitalSigns:
    """Remembers since when each part has been in trouble. Times are CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, patience_ns: int = PATIENCE_NS) -> None:
        self._patience_ns = patience_ns
        self._since_ns: dict[str, int] = {}
        self._stuck: frozenset[str] = frozenset()

    def look(self, problems: Mapping[str, str], now_ns: int) -> Verdict:
        """problems: by part, a few words; "" for one that is well."""
        troubled = {part for part, problem in problems.items() if problem}
        self._since_ns = {part: self._since_ns.get(part, now_ns) for part in troubled}
        stuck = frozenset(part for part, since in self._since_ns.items() if now_ns - since >= self._patience_ns)
        before, self._stuck = self._stuck, stuck
        if stuck - before:
            return Verdict(False, "; ".join(f"{part}: {problems[part]}" for part in sorted(stuck)))
        if before and not stuck:
            return Verdict(True, f"well again: {', '.join(sorted(before))}")
        return Verdict(not stuck)
