"""The socket in the file system, the sockets of systemd, and the metrics port."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control import http_server
from lkedge.control.handler import Handler
from lkedge.control.http_server import HttpControl
from tests.unit.control.conftest import Serve
from tests.unit.control.http_client import Client, read_answer, read_event


async def test_the_socket_is_for_the_group_and_goes_at_the_end(serve: Serve, path: Path) -> None:
    server = await serve()
    assert path.stat().st_mode & 0o777 == 0o660
    assert server.addresses == (str(path),)
    await server.stop()
    assert not path.exists()
    assert server.addresses == ()


async def test_the_socket_is_for_everyone_when_told_so(serve: Serve, path: Path) -> None:
    await serve(is_open_to_read=True)
    assert path.stat().st_mode & 0o777 == 0o666


async def test_a_stale_socket_is_replaced(serve: Serve, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()
    await serve()
    assert (await Client(path).ask("GET /v1/tracks")).status == 200


async def test_a_daemon_that_listens_is_left_alone(serve: Serve, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = await serve(), await serve()
    assert (first.addresses, second.addresses) == ((str(path),), ())
    assert "another daemon listens there" in caplog.text
    await second.stop()
    assert (await Client(path).ask("GET /v1/tracks")).status == 200


async def test_a_file_is_never_removed(serve: Serve, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text("mine")
    assert (await serve()).addresses == ()
    assert "a file that is no socket is there" in caplog.text
    assert path.read_text() == "mine"


async def test_the_socket_of_a_successor_stays(serve: Serve, path: Path) -> None:
    first = await serve()
    path.unlink()
    await serve()
    await first.stop()
    assert (await Client(path).ask("GET /v1/tracks")).status == 200


async def test_a_missing_folder_is_no_error(serve: Serve, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        server = await serve(socket=path.parent / "a" / "b" / "control.sock")
    assert server.addresses == ()
    assert [(record.levelname, "no control socket" in record.message) for record in caplog.records] == [("INFO", True)]


async def test_the_last_folder_is_made(serve: Serve, path: Path) -> None:
    server = await serve(socket=path.parent / "lkedge" / "control.sock")
    assert server.addresses


async def test_no_socket_when_told_so(serve: Serve) -> None:
    assert (await serve(socket=None)).addresses == ()


async def test_an_activated_socket_outlives_the_daemon(handler: Handler, path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    other = path.parent / "other.sock"
    for _ in range(2):
        server = HttpControl(handler, ControlConfig(socket=other))
        await server.start([listener.dup()])
        assert (await Client(path).ask("GET /v1/tracks")).status == 200
        await server.stop()
        assert path.exists()
    assert not other.exists()
    listener.close()


async def test_what_comes_during_a_restart_is_answered_after_it(handler: Handler, path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    first = HttpControl(handler, ControlConfig())
    await first.start([listener.dup()])
    await first.stop()
    waiting = asyncio.create_task(Client(path).ask("GET /v1/tracks"))
    await asyncio.sleep(0)
    second = HttpControl(handler, ControlConfig())
    await second.start([listener.dup()])
    assert (await waiting).status == 200
    await second.stop()
    listener.close()


async def test_stop_ends_event_streams_in_order(serve: Serve, path: Path) -> None:
    server = await serve()
    async with Client(path).opened() as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_event(reader)
        await server.stop()
        assert (await reader.read()).endswith(b"0\r\n\r\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ask_port(port: int, what: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{what} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = await read_answer(reader)
    writer.close()
    return answer.status, answer.body


async def test_metrics_over_tcp_and_nothing_else(serve: Serve) -> None:
    port = free_port()
    await serve(metrics_port=port)
    status, body = await ask_port(port, "GET /metrics")
    assert status == 200
    assert b'lkedge_layer_active{track="front",rid="f"} 1' in body
    for what in ("GET /v1/status", "POST /v1/reload", "GET /v1/events", "GET /v1/openapi.json"):
        assert (await ask_port(port, what))[0] == 403
    assert (await ask_port(port, "GET /"))[0] == 404


async def test_a_port_in_use_is_a_line_in_the_log(serve: Serve, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = await serve(metrics_port=port)
    assert server.addresses == (str(path),)
    assert f"no metrics on 127.0.0.1:{port}" in caplog.text


def test_the_daemon_starts_without_http() -> None:
    """What answers is loaded later, and then in a thread."""
    script = "import sys, lkedge.control.http_server; print('h11' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


async def test_what_answers_is_loaded_before_anybody_calls(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(http_server, "PRELOAD_AFTER_S", 0.0)
    monkeypatch.setattr(http_server, "_preload", loaded.set)
    await serve()
    async with asyncio.timeout(10):
        while not loaded.is_set():
            await asyncio.sleep(0)


async def test_nothing_stays_open(serve: Serve, path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    server = await serve(metrics_port=free_port())
    await Client(path).ask("GET /v1/tracks")
    await server.stop()
    await asyncio.sleep(0)
    assert set(os.listdir("/proc/self/fd")) <= before
