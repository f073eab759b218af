"""What lies between DTLS and ICE: a datagram path that can be exchanged.

DTLS and SRTP live on a link for as long as the transport; an ICE restart brings a new
path, with its own sockets and credentials, and puts it under the same link.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkedge.rtc.send_target import SendTarget

if TYPE_CHECKING:
    from lkedge.rtc.ice import IcePath

MAX_DATAGRAM_BYTES = 1500
"""aiortc's receive pump dies of an empty datagram and of one beyond pylibsrtp's buffer."""

MAX_QUEUED_DATAGRAMS = 512


class IceLink:
    """What RTCDtlsTransport takes for its ICE transport: a datagram path that may be exchanged.

    role: our ICE role, read by aiortc.
    path: where we send; None before the first path and after `close`.
    dropped: datagrams of impossible length or beyond the queue's bound.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.path: IcePath | None = None
        self.dropped = 0
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    @property
    def target(self) -> SendTarget | None:
        """Where to send now; None while there is no usable pair."""
        return None if self.path is None else self.path.connection.target

    def deliver(self, data: bytes) -> None:
        """Take a datagram from any path; the newest is dropped when the reader lags."""
        if 0 < len(data) <= MAX_DATAGRAM_BYTES and self._queue.qsize() < MAX_QUEUED_DATAGRAMS:
            self._queue.put_nowait(data)
        else:
            self.dropped += 1

    def close(self) -> None:
        """End the reader; a path is not closed by it."""
        self.path = None
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("the link is closed")
        return data

    async def _send(self, data: bytes) -> None:
        # An exception would end aiortc's pump for good; a lost path only loses the datagram.
        target = self.target
        if target is not None:
            target.sendto(data, target.address)
