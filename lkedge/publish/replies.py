"""Matches replies with the requests that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

from lkedge.errors import SignalLost


class Replies:
    """Futures by key: an offer's id, a track's cid. Owned by the event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, asyncio.Future[Any]] = {}

    def expect(self, key: Hashable) -> asyncio.Future[Any]:
        """Call before the request is sent; await the result with a deadline."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting[key] = future
        return future

    def resolve(self, key: Hashable, value: object) -> bool:
        """Hand over a reply. False when nobody waits for it."""
        future = self._waiting.pop(key, None)
        if future is None or future.done():
            return False
        future.set_result(value)
        return True

    def fail(self, key: Hashable, error: Exception) -> bool:
        """Hand over a refusal. False when nobody waits for it."""
        future = self._waiting.pop(key, None)
        if future is None or future.done():
            return False
        future.set_exception(error)
        return True

    def fail_all(self, error: SignalLost) -> None:
        """The connection is gone: nothing will be answered."""
        for key in tuple(self._waiting):
            self.fail(key, error)
