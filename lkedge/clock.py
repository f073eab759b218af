"""Clocks: the one monotonic time base, its wall-clock mapping, and NTP and RTP arithmetic.

Everything in lkedge measures time in integer nanoseconds of CLOCK_MONOTONIC, which all
processes of a machine share. The wall clock enters in one place only, `WallClock`, so
that a step of the system clock can never reach a media timestamp.
"""

from __future__ import annotations

import time
from typing import Protocol

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000

NTP_UNIX_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01 (RFC 5905, section 6)."""


class Clock(Protocol):
    """What needs the time asks one of these; tests hand in a FakeClock."""

    def monotonic_ns(self) -> int: ...

    def wall_ns(self) -> int:
        """Unix time in nanoseconds: for NTP, tokens and display, never for durations."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()


class WallClock:
    """Maps monotonic to wall time smoothly: slews small differences, steps large ones.

    Sender reports of all SSRCs use one instance, so audio and video stay aligned and a
    step of the system clock moves all of them at once (aiortc.md, section 7).
    """

    STEP_NS = SECOND_NS
    SLEW_PER_SECOND_NS = MILLISECOND_NS

    def __init__(self, monotonic_ns: int, wall_ns: int) -> None:
        self._offset_ns = wall_ns - monotonic_ns
        self._updated_ns = monotonic_ns

    def update(self, monotonic_ns: int, wall_ns: int) -> int:
        """Take a new reading of both clocks. Returns by how much the wall clock was set since the last; mostly 0."""
        error = (wall_ns - monotonic_ns) - self._offset_ns
        elapsed = max(0, monotonic_ns - self._updated_ns)
        self._updated_ns = monotonic_ns
        if abs(error) > self.STEP_NS:
            self._offset_ns += error
            return error
        limit = self.SLEW_PER_SECOND_NS * elapsed // SECOND_NS
        self._offset_ns += max(-limit, min(limit, error))
        return 0

    def wall_ns(self, monotonic_ns: int) -> int:
        return monotonic_ns + self._offset_ns


def ntp_timestamp(wall_ns: int) -> int:
    """Unix nanoseconds as a 64-bit NTP timestamp, wrapping with the era (RFC 5905, section 6)."""
    seconds, rest = divmod(wall_ns, SECOND_NS)
    return ((seconds + NTP_UNIX_OFFSET_S) & 0xFFFFFFFF) << 32 | (rest << 32) // SECOND_NS


def rtp_timestamp(captured_ns: int, clock_rate: int, offset: int) -> int:
    """RTP timestamp of a capture time; equal for all layers that share `offset`."""
    return (offset + captured_ns * clock_rate // SECOND_NS) & 0xFFFFFFFF
