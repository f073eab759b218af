"""An event loop that runs when the test says so, on a FakeClock."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, cast

from lkedge.clock import SECOND_NS
from lkedge.testing.clock import FakeClock


class FakeTimer:
    def __init__(self, due_ns: int, callback: Callable[[], Any]) -> None:
        self.due_ns = due_ns
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeLoop:
    """call_soon and call_later only; `advance` runs what falls due, in order."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._soon: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._timers: list[FakeTimer] = []
        self.wakeups = 0

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        return cast(asyncio.AbstractEventLoop, self)

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self._soon.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        due_ns = self._clock.monotonic_ns() + round(delay * SECOND_NS)
        timer = FakeTimer(due_ns, functools.partial(callback, *args))
        self._timers.append(timer)
        return timer

    @property
    def pending(self) -> int:
        """Timers that wait."""
        return sum(not timer.is_cancelled for timer in self._timers)

    def run_soon(self) -> None:
        while self._soon:
            callback, args = self._soon.pop(0)
            callback(*args)

    def advance(self, seconds: float) -> None:
        self.run_soon()
        end_ns = self._clock.monotonic_ns() + round(seconds * SECOND_NS)
        while timer := self._next_timer(end_ns):
            self._clock.advance((timer.due_ns - self._clock.monotonic_ns()) / SECOND_NS)
            self._timers.remove(timer)
            self.wakeups += 1
            timer.callback()
            self.run_soon()
        self._clock.advance((end_ns - self._clock.monotonic_ns()) / SECOND_NS)

    def _next_timer(self, end_ns: int) -> FakeTimer | None:
        self._timers = [timer for timer in self._timers if not timer.is_cancelled]
        due = [timer for timer in self._timers if timer.due_ns <= end_ns]
        return min(due, key=lambda timer: timer.due_ns, default=None)
