# lkedge: pure
"""Chooses the pictures of a layer whose frame rate is lower than the source's."""

from __future__ import annotations

from lkedge.clock import SECOND_NS


class FrameRateDivider:
    """Even pacing by capture time: jitter of the source neither adds nor loses pictures."""

    def __init__(self, framerate: float, source_framerate: float) -> None:
        """A source rate of 0 means not known; a layer rate of 0 takes every picture."""
        self._interval_ns = round(SECOND_NS / framerate) if framerate > 0 else 0
        self._takes_all = self._interval_ns == 0 or 0 < source_framerate <= framerate * 1.02
        source_interval_ns = SECOND_NS / source_framerate if source_framerate > 0 else self._interval_ns
        self._tolerance_ns = round(min(source_interval_ns, self._interval_ns) / 4)
        self._due_ns: int | None = None

    def take(self, captured_ns: int) -> bool:
        """Whether this picture belongs to the layer. Call once per picture, in order."""
        if self._takes_all:
            return True
        if self._due_ns is None:
            self._due_ns = captured_ns
        late_ns = captured_ns - self._due_ns
        if late_ns < -self._tolerance_ns:
            return False
        if late_ns > self._interval_ns:
            self._due_ns = captured_ns
        self._due_ns += self._interval_ns
        return True
