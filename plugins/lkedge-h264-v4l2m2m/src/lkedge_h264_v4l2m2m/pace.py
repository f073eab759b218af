# lkedge: pure
"""How much of the time from one picture to the next something takes."""

from __future__ import annotations

SMOOTHING = 8
"""Pictures over which a single slow one is forgotten."""


class Pace:
    """Begins with none. limit: the share of the frame interval that it may take."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.share = 0.0

    def add(self, elapsed_ns: int, framerate: float) -> None:
        """One picture took so long."""
        self.share += (elapsed_ns * framerate / 1e9 - self.share) / SMOOTHING

    @property
    def is_behind(self) -> bool:
        """Whether it takes more than it may, picture after picture."""
        return self.share > self._limit
