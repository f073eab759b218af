from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lkedge.errors import SignalLost
from lkedge.signaling.http import HttpRequest, fetch


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Sends one answer, whatever is asked; None: never answers."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", heard
    finally:
        listening.close()


def reply(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "503 Busy"])
async def test_any_status_is_an_answer(status: str) -> None:
    async with server(reply(status, b"words")) as (url, heard):
        response = await fetch(HttpRequest(url + "/path", headers={"Authorization": "Bearer t"}))

    assert (response.status, response.text, response.content_type) == (int(status[:3]), "words", "text/plain")
    assert heard[0].startswith(b"GET /path HTTP/1.1")
    assert b"Authorization: Bearer t" in heard[0]


async def test_redirects_are_not_followed() -> None:
    async with server(reply("302 Found", headers="Location: http://127.0.0.1:1/\r\n")) as (url, _):
        assert (await fetch(HttpRequest(url))).status == 302


@pytest.mark.parametrize("answer", [None, b"SSH-2.0\r\n"])
async def test_no_answer_names_the_server_only(answer: bytes | None) -> None:
    async with server(answer) as (url, _):
        with pytest.raises(SignalLost, match="does not answer") as lost:
            await fetch(HttpRequest(url + "/path?secret=1", timeout_s=0.1))
    assert url in str(lost.value)
    assert "secret" not in str(lost.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nosuch.invalid", "foo://bar"])
async def test_unreachable(url: str) -> None:
    with pytest.raises(SignalLost, match="does not answer"):
        await fetch(HttpRequest(url))
