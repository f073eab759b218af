"""One open WebSocket with its three tasks: reader, sender, pinger.

The channel moves whole messages and keeps the connection alive; what they mean is
SignalProtocol's business. It ends exactly once, with a reason, whoever ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from lkedge.clock import SECOND_NS, Clock
from lkedge.signaling.events import SignalEvent
from lkedge.signaling.protocol import SignalProtocol

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 64
"""Messages waiting to be sent. A publisher sends a few per second; more means a dead peer."""

FLUSH_TIMEOUT_S = 0.5
CLOSE_TIMEOUT_S = 1.0


class SignalChannel:
    """Owned by the event loop.

    on_event: called on the loop for every event.
    on_closed: called once with the reason, unless `close` was called first.
    """

    def __init__(
        self,
        connection: ClientConnection,
        protocol: SignalProtocol,
        *,
        clock: Clock,
        on_event: Callable[[SignalEvent], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._protocol = protocol
        self._clock = clock
        self._on_event = on_event
        self._on_closed = on_closed
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self._has_warned = False

    def start(self) -> None:
        """Begin to read, send and ping."""
        jobs = {"reader": self._read, "sender": self._write, "pinger": self._ping}
        self._tasks = [asyncio.create_task(self._run(job), name=f"signal.{name}") for name, job in jobs.items()]

    @property
    def is_open(self) -> bool:
        return not self._is_over

    def send(self, message: bytes) -> None:
        """Queue one message. When the queue is full the channel ends; dropped after its end."""
        if self._is_over:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._end(f"{QUEUE_LIMIT} messages wait and the server takes none")

    async def close(self, *, last: bytes | None = None) -> None:
        """End the channel; `on_closed` is not called. Takes at most about two seconds.

        last: a message that should still be sent, after all queued ones.
        """
        was_open = not self._is_over
        self._is_over = True
        if was_open and last is not None:
            await self._say_goodbye(last)
        await self._stop_tasks()
        await self._close_socket()

    async def _say_goodbye(self, last: bytes) -> None:
        """Send what is queued and `last`, and give the server time to hang up itself."""
        try:
            self._queue.put_nowait(last)
            # Not wait_for: until Python 3.12 it forgets a cancellation that comes together with the end of the wait.
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._queue.join()
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._connection.wait_closed()
        except (asyncio.QueueFull, TimeoutError):
            logger.debug("the server did not hang up after our leave")

    async def _stop_tasks(self) -> None:
        current = asyncio.current_task()
        others = [task for task in self._tasks if task is not current]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _close_socket(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._connection.close()
        except TimeoutError:
            self._connection.transport.abort()

    async def _run(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The top of every task: turn however it ended into a reason."""
        try:
            await job()
        except ConnectionClosed as exc:
            self._end(_closed_reason(exc))
        except Exception as exc:
            logger.exception("signalling failed")
            self._end(f"an error of our own: {exc!r}")

    async def _read(self) -> None:
        while True:
            message = await self._connection.recv()
            for event in self._protocol.receive(message, self._clock.monotonic_ns()):
                self._on_event(event)
            if self._protocol.unreadable and not self._has_warned:
                self._warn(message)

    def _warn(self, message: bytes | str) -> None:
        self._has_warned = True
        kind = "a text frame" if isinstance(message, str) else f"{len(message)} bytes of something else"
        logger.warning("the server sent %s instead of a signalling message; such messages are ignored", kind)

    async def _write(self) -> None:
        while True:
            message = await self._queue.get()
            await self._connection.send(message)
            self._queue.task_done()

    async def _ping(self) -> None:
        while True:
            now_ns = self._clock.monotonic_ns()
            if self._protocol.is_silent(now_ns):
                self._end("the server was silent for the ping timeout")
                return
            for message in self._protocol.pings(now_ns):
                self.send(message)
            wait_ns = self._protocol.next_deadline_ns() - self._clock.monotonic_ns()
            await asyncio.sleep(max(0.01, wait_ns / SECOND_NS))

    def _end(self, reason: str) -> None:
        """The connection is of no use any more: hang up, tell once."""
        if self._is_over:
            return
        self._is_over = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._connection.transport.abort()
        # Not from within `send`: whoever sends need not expect an event in the middle of it.
        asyncio.get_running_loop().call_soon(self._on_closed, reason)


def _closed_reason(exc: ConnectionClosed) -> str:
    if exc.sent is not None and exc.rcvd is None:
        return f"the server broke the WebSocket protocol: {exc.sent.reason or exc.sent.code}"
    if exc.rcvd is None:
        return "the connection broke without a close frame"
    return f"the server closed the WebSocket with code {exc.rcvd.code} {exc.rcvd.reason}".rstrip()
