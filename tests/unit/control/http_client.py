"""A client of the control socket that can also send what is no HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def problems(self) -> list[str]:
        return list(self.json["error"]["problems"])


class Client:
    """Asks at a socket; each question has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def ask(self, what: str, body: Any = None) -> Answer:
        """what: method and target. body: bytes as they are, or anything as JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"{what} HTTP/1.1\r\nHost: lkedge\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        return await self.send(head.encode() + data)

    async def send(self, data: bytes) -> Answer:
        """Send bytes, and read one answer."""
        async with self.opened() as (reader, writer):
            writer.write(data)
            return await read_answer(reader, is_head=data.startswith(b"HEAD"))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await self.connect()
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; waits while the server has too many to accept, which asyncio does not."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    connection.connect(str(self.path))
                    return await asyncio.open_unix_connection(sock=connection)
                except BlockingIOError:
                    await asyncio.sleep(0.001)
                except BaseException:
                    connection.close()
                    raise


async def read_answer(reader: asyncio.StreamReader, *, is_head: bool = False) -> Answer:
    async with asyncio.timeout(PATIENCE_S):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-1])}
        length = 0 if is_head else int(headers.get("content-length", 0))
        return Answer(int(lines[0].split()[1]), headers, await reader.readexactly(length))


async def read_event(reader: asyncio.StreamReader) -> tuple[str, Any]:
    """The next event of a stream, its name and data."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            line = (await reader.readuntil(b"\n")).decode().strip()
            name, separator, value = line.partition(": ")
            if separator and name:
                fields[name] = value
            elif "event" in fields:
                return fields["event"], json.loads(fields["data"])
