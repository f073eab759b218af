"""The way to a server that answers as told, on loop-back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lkedge.config.models import ApiKey, LiveKitConfig, TokenFile
from lkedge.doctor.files import Files
from lkedge.doctor.read_network import read_network

KEY = ApiKey("key", "secret-that-is-long-enough-for-hs256", "yard", "pi")


@asynccontextmanager
async def server(answer: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Answers every request like this; gives its address and what was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(answer.encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


def http(status: str, text: str) -> str:
    headers = f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n{text}"


async def test_a_server_that_takes_our_token() -> None:
    async with server(http("200 OK", "success")) as (url, asked):
        network = await read_network(LiveKitConfig(url, KEY), Files())

    assert network.is_validated
    assert network.addresses == ("127.0.0.1",)
    assert (network.tcp_problem, network.server_problem, network.token_problem) == ("", "", "")
    assert asked[-1].startswith("GET /rtc/validate?protocol=")
    assert "Authorization: Bearer ey" in asked[-1]


async def test_a_server_that_refuses_it_is_quoted_without_the_token() -> None:
    async with server(http("401 Unauthorized", "invalid API key: key, token eyJhbGciOi.x.y")) as (url, _):
        network = await read_network(LiveKitConfig(url, KEY), Files())

    assert not network.is_validated
    assert "status 401 (invalid API key: key, token ...)" in network.server_problem


@pytest.fixture
def free_port(unused_tcp_port_factory: Callable[[], int]) -> int:
    return unused_tcp_port_factory()


async def test_a_port_where_nobody_listens(free_port: int) -> None:
    network = await read_network(LiveKitConfig(f"ws://127.0.0.1:{free_port}", KEY), Files())

    assert "cannot be reached" in network.tcp_problem
    assert network.host == f"127.0.0.1:{free_port}"


async def test_an_address_that_is_none() -> None:
    network = await read_network(LiveKitConfig("ftp://x", KEY), Files())

    assert "is no server address" in network.name_problem


async def test_a_token_that_cannot_be_had_does_not_keep_from_looking_at_the_network(tmp_path: Path) -> None:
    async with server(http("200 OK", "success")) as (url, _):
        network = await read_network(LiveKitConfig(url, TokenFile(tmp_path / "missing")), Files())

    assert "missing" in network.token_problem
    assert network.tcp_ms > 0
    assert not network.is_validated
