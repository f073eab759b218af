# lkedge: pure
"""Measures the rate of a stream from its running counters."""

from __future__ import annotations

from collections import deque

from lkedge.clock import SECOND_NS


class RateMeter:
    """Bits and frames per second over about the last second, from counters that only grow."""

    WINDOW_NS = SECOND_NS

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int, int]] = deque(maxlen=16)

    def update(self, now_ns: int, byte_count: int, frame_count: int) -> None:
        """Take a reading; call a few times per second."""
        self._samples.append((now_ns, byte_count, frame_count))
        while len(self._samples) > 2 and now_ns - self._samples[1][0] >= self.WINDOW_NS:
            self._samples.popleft()

    @property
    def bitrate(self) -> int:
        elapsed, byte_count, _ = self._span()
        return byte_count * 8 * SECOND_NS // elapsed if elapsed else 0

    @property
    def framerate(self) -> float:
        elapsed, _, frame_count = self._span()
        return frame_count * SECOND_NS / elapsed if elapsed else 0.0

    def _span(self) -> tuple[int, int, int]:
        if len(self._samples) < 2:
            return 0, 0, 0
        first, last = self._samples[0], self._samples[-1]
        return last[0] - first[0], last[1] - first[1], last[2] - first[2]
