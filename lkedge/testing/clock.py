# lkedge: pure
"""A clock that moves when the test says so."""

from __future__ import annotations

from lkedge.clock import SECOND_NS


class FakeClock:
    """Implements lkedge.clock.Clock.

    monotonic_ns, wall_ns: where it begins; the wall clock begins in 2026 unless told otherwise.
    """

    def __init__(self, monotonic_ns: int = SECOND_NS, wall_ns: int = 1_770_000_000 * SECOND_NS) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks. Never backwards."""
        if seconds < 0:
            raise ValueError("monotonic time does not go back; use step_wall for the wall clock")
        elapsed_ns = round(seconds * SECOND_NS)
        self._monotonic_ns += elapsed_ns
        self._wall_ns += elapsed_ns

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock by a step, as NTP or a person does; may be negative."""
        self._wall_ns += round(seconds * SECOND_NS)
