# lkedge: pure
"""How long to wait before the next attempt at something on this machine."""

from __future__ import annotations

DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Short at first: most failures of devices are a plug moved or a driver restarting."""


class BackOff:
    """Gives the delays one after the other; the last one for ever."""

    def __init__(self, delays_s: tuple[float, ...] = DELAYS_S) -> None:
        self._delays_s = delays_s
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        delay_s = self._delays_s[min(self._failures, len(self._delays_s) - 1)]
        self._failures += 1
        return delay_s

    def reset(self) -> None:
        """It worked for a while: begin again with the shortest."""
        self._failures = 0
