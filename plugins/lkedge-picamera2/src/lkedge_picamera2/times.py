"""The time at which a picture was taken, from the sensor's own stamp."""

from __future__ import annotations

import time
from collections.abc import Callable

from lkedge.clock import SECOND_NS, Clock


class CaptureTimes:
    """Makes capture times that rise strictly. Belongs to the reading thread.

    oldest_ns: a stamp that says that a picture is older is not believed. slept_ns: how far CLOCK_BOOTTIME
        is ahead of CLOCK_MONOTONIC: libcamera documents the former, drivers give the latter.
    """

    def __init__(self, clock: Clock, oldest_ns: int = SECOND_NS, slept_ns: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self._oldest_ns = oldest_ns
        self._slept_ns = slept_ns or _slept_ns
        self._last_ns = 0

    def of(self, sensor_ns: int | None) -> int:
        """The stamp in CLOCK_MONOTONIC; now, when there is none or it is not plausible."""
        now_ns = self._clock.monotonic_ns()
        self._last_ns = max(self._last_ns + 1, self._plausible(sensor_ns, now_ns))
        return self._last_ns

    def _plausible(self, sensor_ns: int | None, now_ns: int) -> int:
        if sensor_ns is None:
            return now_ns
        if self._is_recent(sensor_ns, now_ns):
            return sensor_ns
        awake_ns = sensor_ns - self._slept_ns()
        return awake_ns if self._is_recent(awake_ns, now_ns) else now_ns

    def _is_recent(self, stamp_ns: int, now_ns: int) -> bool:
        return 0 <= now_ns - stamp_ns < self._oldest_ns


def _slept_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
