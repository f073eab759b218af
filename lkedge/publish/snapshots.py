"""Snapshots of one track: asked of its worker, waited for with a deadline."""

from __future__ import annotations

import asyncio
from typing import Protocol

from lkedge.errors import SourceError
from lkedge.worker import events

DEADLINE_S = 5.0
MAX_WAITING = 4
MIN_WIDTH = 16
MAX_WIDTH = 8192


class SnapshotTarget(Protocol):
    """WorkerHost, as far as it is needed here."""

    def take_snapshot(self, width: int) -> int: ...


class SnapshotRequests:
    """Owned by the event loop."""

    def __init__(self, track: str, target: SnapshotTarget) -> None:
        self._track = track
        self._target = target
        self._waiting: dict[int, asyncio.Future[bytes]] = {}

    async def take(self, width: int = 0) -> bytes:
        """The next captured picture as a JPEG. A closed source is opened for it, and closed again.

        width: in pixels, odd ones are rounded down; the shape stays. 0, or more than the
            picture has: as captured.

        Raises:
            SourceError: there is none, or none came within 5 s; the message says why.
        """
        self._check(width)
        request = self._target.take_snapshot(width)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await future
        except TimeoutError as error:
            raise SourceError(
                f"{self._track}: no picture came within {DEADLINE_S:g} s; look at the state of its source"
            ) from error
        finally:
            del self._waiting[request]

    def answer(self, event: events.SnapshotTaken | events.SnapshotRefused | events.WorkerDied) -> None:
        """What became of a request, or of all of them."""
        match event:
            case events.SnapshotTaken(request=request, jpeg=jpeg):
                if future := self._open(request):
                    future.set_result(jpeg)
            case events.SnapshotRefused(request=request, reason=reason):
                self._fail(request, reason)
            case events.WorkerDied():
                for request in self._waiting:
                    self._fail(request, "the worker died before there was a picture; try again")

    def _check(self, width: int) -> None:
        if width and not MIN_WIDTH <= width <= MAX_WIDTH:
            allowed = f"0 for the captured width, or {MIN_WIDTH} to {MAX_WIDTH}"
            raise SourceError(f"{self._track}: a picture cannot be {width} pixels wide; allowed is {allowed}")
        if len(self._waiting) >= MAX_WAITING:
            raise SourceError(f"{self._track}: {MAX_WAITING} other snapshots are being taken; try again later")

    def _fail(self, request: int, reason: str) -> None:
        if future := self._open(request):
            future.set_exception(SourceError(f"{self._track}: {reason}"))

    def _open(self, request: int) -> asyncio.Future[bytes] | None:
        future = self._waiting.get(request)
        return future if future is not None and not future.done() else None
