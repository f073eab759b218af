# lkedge: pure
"""The running time of a file that is played again and again."""

from __future__ import annotations


class LoopTimeline:
    """Turns times within the file into times since the beginning, strictly rising over every loop."""

    def __init__(self, frame_ns: int) -> None:
        """frame_ns: how long a frame lasts that does not say it."""
        self._frame_ns = frame_ns
        self._first_ns: int | None = None
        self._base_ns = 0
        self._last_ns = -1
        self._end_ns = 0

    def at(self, time_ns: int | None, duration_ns: int = 0) -> int:
        """The running time of the next frame. `time_ns` None: right after the one before."""
        if time_ns is None:
            running_ns = self._end_ns
        else:
            if self._first_ns is None:
                self._first_ns = time_ns
            running_ns = self._base_ns + time_ns - self._first_ns
        self._last_ns = max(running_ns, self._last_ns + 1)
        self._end_ns = self._last_ns + (duration_ns or self._frame_ns)
        return self._last_ns

    def restart(self) -> None:
        """The file begins again: its first frame follows the last one without a gap."""
        self._base_ns = self._end_ns
        self._first_ns = None
