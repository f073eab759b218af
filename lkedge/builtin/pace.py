"""Sleeping to absolute deadlines, for sources that have no device to wait for."""

from __future__ import annotations

import time

from lkedge.clock import SECOND_NS

STEP_NS = SECOND_NS // 5
"""The longest single sleep: `close` is noticed after it. Plain sleeps cost half of waiting on an Event."""


class Pace:
    """`close` may come from any thread; the rest belongs to the reading one."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        """Let `sleep_until` return within 0.2 s, now and ever after."""
        self.is_closed = True

    def sleep_until(self, due_ns: int) -> None:
        """Sleep to this moment of CLOCK_MONOTONIC; not at all when it is past or after `close`."""
        while not self.is_closed and (wait_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(min(wait_ns, STEP_NS) / SECOND_NS)
