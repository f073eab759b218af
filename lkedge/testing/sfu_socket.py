"""The SFU's end of one WebSocket."""

from __future__ import annotations

import asyncio
import logging

from livekit.protocol import rtc
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 1024


class SfuSocket:
    """Sends in order, without making the caller wait. Owned by the event loop."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._queue: asyncio.Queue[bytes | str | None] = asyncio.Queue(QUEUE_LIMIT)
        self._writer = asyncio.create_task(self._write(), name="sfu.writer")

    def send(self, response: rtc.SignalResponse) -> None:
        self.send_raw(response.SerializeToString())

    def send_raw(self, data: bytes | str) -> None:
        """Bytes go out as a binary frame, str as a text frame."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self.abort()

    def hang_up(self) -> None:
        """Close with a close frame, after everything queued."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    def abort(self) -> None:
        """Cut the TCP connection, without any farewell."""
        self._connection.transport.abort()

    async def finish(self) -> None:
        """Stop the writer; the connection is gone."""
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while (data := await self._queue.get()) is not None:
                await self._connection.send(data)
            await self._connection.close()
        except ConnectionClosed:
            logger.debug("loop-back SFU: the client is gone")
