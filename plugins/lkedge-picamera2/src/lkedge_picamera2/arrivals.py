"""Waits for what comes to the reading thread: new pictures from the camera, lent ones that come back, the end.

One queue takes all three. It holds at most one entry for each buffer of the camera and the end. Putting
into it is safe anywhere, also where an object is deleted in the middle of another thread's work.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from enum import Enum
from typing import Any

from lkedge.clock import SECOND_NS, Clock
from lkedge_picamera2.pictures import release


class What(Enum):
    """Of an entry."""

    ARRIVED = 1
    RETURNED = 2
    CLOSED = 3


class Arrivals:
    """`arrived`, `returned` and `close` may come from any thread, `newest` belongs to the reading one.

    dropped: pictures left out because a newer one was there.
    """

    def __init__(self, clock: Clock, take_back: Callable[[Any], None]) -> None:
        self._clock = clock
        self._take_back = take_back
        self._queue: queue.SimpleQueue[tuple[What, Any]] = queue.SimpleQueue()
        self.is_closed = False
        self.dropped = 0

    def arrived(self, request: Any) -> None:
        """A request is complete."""
        self._put(What.ARRIVED, request)

    def returned(self, request: Any) -> None:
        """A lent request is not needed any more."""
        self._put(What.RETURNED, request)

    def close(self) -> None:
        """End a waiting `newest`. What is there, still arrives or returns is dropped, and its memory with it."""
        self.is_closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put((What.CLOSED, None))

    def newest(self, timeout_s: float) -> Any:
        """The newest request that has arrived; None when none does within the time, or once closed."""
        deadline_ns = self._clock.monotonic_ns() + round(timeout_s * SECOND_NS)
        newest = None
        while not self.is_closed and (newest is None or not self._queue.empty()):
            left_s = (deadline_ns - self._clock.monotonic_ns()) / SECOND_NS
            if left_s <= 0:
                break
            newest = self._take(newest, left_s)
        return None if self.is_closed else newest

    def _put(self, what: What, request: Any) -> None:
        if not self.is_closed:
            self._queue.put((what, request))

    def _take(self, newest: Any, timeout_s: float) -> Any:
        """One entry; the newest request after it."""
        try:
            what, request = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return newest
        if what is What.RETURNED:
            self._take_back(request)
        if what is not What.ARRIVED:
            return newest
        if newest is not None:
            self.dropped += 1
            release(newest)
        return request
