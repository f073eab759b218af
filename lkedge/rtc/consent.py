# lkedge: pure
"""Consent freshness (RFC 7675) as arithmetic: when to check next, and what the silence means.

A check goes out every `interval_s`. While one is unanswered they follow each other
faster, so that with 10 % loss in each direction the path still does not look dead;
an answer that takes five seconds is as good as one that takes five milliseconds.
"""

from __future__ import annotations

from enum import Enum

from lkedge.clock import SECOND_NS
from lkedge.rtc.settings import ConsentTimings

ANSWER_WINDOW_NS = 10 * SECOND_NS
"""An answer that is older than this is not worth remembering its check for."""


class Liveness(Enum):
    ALIVE = "alive"
    SILENT = "silent"
    EXPIRED = "expired"


class Consent:
    """Consent of one path. It starts fresh: the connectivity check has just been answered."""

    def __init__(self, timings: ConsentTimings, now_ns: int) -> None:
        self._timings = timings
        self._answered_ns = now_ns
        self._unanswered_since_ns: int | None = None

    def sent(self, now_ns: int) -> None:
        """A check has been sent."""
        if self._unanswered_since_ns is None:
            self._unanswered_since_ns = now_ns

    def answered(self, now_ns: int) -> None:
        """A valid answer to any check has arrived."""
        self._answered_ns = now_ns
        self._unanswered_since_ns = None

    def liveness(self, now_ns: int) -> Liveness:
        silence_s = (now_ns - self._answered_ns) / SECOND_NS
        if silence_s >= self._timings.expiry_s:
            return Liveness.EXPIRED
        return Liveness.SILENT if silence_s >= self._timings.silence_s else Liveness.ALIVE

    def delay_s(self, jitter: float) -> float:
        """Seconds to the next check. jitter: a random number in [0, 1)."""
        base_s = self._timings.interval_s if self._unanswered_since_ns is None else self._timings.retry_s
        return base_s * (0.8 + 0.4 * jitter)
