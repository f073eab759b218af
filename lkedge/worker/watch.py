# lkedge: pure
"""Decides whether a worker hangs, from what the host hears of it."""

from __future__ import annotations

from lkedge.clock import SECOND_NS
from lkedge.worker.events import SourceState, WorkerStats

START_AFTER_S = 40.0
"""Before a worker says anything it has to import what it needs, which may take long where many
start at once from an SD card, or in an emulated machine."""

OPEN_AFTER_S = 10.0
"""A camera stack may take seconds to start; none that works takes this long."""

CLOSE_AFTER_S = 10.0
"""A camera that nobody wants must be off; one that hangs in closing holds its device until its process ends."""

SILENT_AFTER_S = 5.0
"""A worker reports once a second while its source is wanted."""


class StallWatch:
    """One worker from its start to its end. Times in CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, stall_after_s: float, now_ns: int) -> None:
        self._stall_after_s = stall_after_s
        self._is_wanted = True
        self._has_started = False
        self._state = SourceState.OPENING
        self._captured = 0
        self._progress_ns = now_ns
        self._heard_ns = now_ns
        self._unwanted_ns = now_ns

    def want(self, is_wanted: bool, now_ns: int) -> None:
        """The plan wants the source open, or does not."""
        if is_wanted and not self._is_wanted:
            self._progress_ns = self._heard_ns = now_ns
        if self._is_wanted and not is_wanted:
            self._unwanted_ns = now_ns
        self._is_wanted = is_wanted

    def lend(self, now_ns: int) -> None:
        """A snapshot may open a source that the plan does not want, and close it again."""
        self._unwanted_ns = now_ns

    def hear(self, now_ns: int) -> None:
        """A frame came, which is progress too."""
        self._has_started = True
        self._progress_ns = self._heard_ns = now_ns

    def take(self, stats: WorkerStats, now_ns: int) -> None:
        self._heard_ns = now_ns
        if stats.captured != self._captured or stats.source is not self._state or not self._has_started:
            self._progress_ns = now_ns
        self._has_started = True
        self._captured = stats.captured
        self._state = stats.source

    def verdict(self, now_ns: int) -> str:
        """Why the worker must be killed, or "" when it is well."""
        if not self._is_wanted:
            return self._verdict_of_closing(now_ns)
        silent_s = (now_ns - self._heard_ns) / SECOND_NS
        if not self._has_started:
            return f"the worker did not start within {silent_s:.0f} s" if silent_s > START_AFTER_S else ""
        still_s = (now_ns - self._progress_ns) / SECOND_NS
        if self._state is SourceState.OPEN and still_s > self._stall_after_s:
            return f"the source has delivered nothing for {still_s:.1f} s"
        if self._state is SourceState.OPENING and still_s > max(self._stall_after_s, OPEN_AFTER_S):
            return f"the source did not open within {still_s:.0f} s"
        if silent_s > max(self._stall_after_s, SILENT_AFTER_S):
            return f"the worker has not been heard of for {silent_s:.1f} s"
        return ""

    def _verdict_of_closing(self, now_ns: int) -> str:
        """Reports come while the source is not wanted, too; the last one before a hang says that it is open."""
        open_s = (now_ns - self._unwanted_ns) / SECOND_NS
        if self._state is SourceState.OPEN and open_s > max(self._stall_after_s, CLOSE_AFTER_S):
            return f"the source was not released within {open_s:.0f} s"
        return ""
