"""Clients for whom there is no room: told so, and given a moment to read it, without a task each."""

from __future__ import annotations

import asyncio

from lkedge.control.http_messages import error_response

LINGER_S = 1.0
MAX_LINGERING = 256
"""More than these are closed at once; they may find a broken pipe rather than the answer."""


class Overflow:
    """Owned by the event loop."""

    def __init__(self) -> None:
        self._lingering: dict[asyncio.StreamWriter, asyncio.TimerHandle] = {}
        self._answer = _too_many()

    def turn_away(self, writer: asyncio.StreamWriter) -> None:
        """Answer 503 and close within a second.

        A client that still sends its request would not find the answer if the socket was closed at once.
        """
        writer.write(self._answer)
        if len(self._lingering) >= MAX_LINGERING:
            writer.close()
            return
        writer.write_eof()
        self._lingering[writer] = asyncio.get_running_loop().call_later(LINGER_S, self._end, writer)

    def stop(self) -> None:
        """Close all that linger."""
        for writer in tuple(self._lingering):
            self._end(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._lingering.pop(writer).cancel()
        writer.transport.abort()


def _too_many() -> bytes:
    response = error_response(503, "busy", "too many connections are open; try again later")
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Retry-After": "1",
        "Connection": "close",
    }
    lines = ["HTTP/1.1 503 Service Unavailable", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + response.body
