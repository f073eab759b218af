"""What is thrown at the control socket gets a clear answer, disturbs nobody, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lkedge.control import http_server
from lkedge.control.api import COMMANDS, Command
from lkedge.control.errors import Code
from lkedge.control.handler import Handler
from lkedge.control.http_connection import Limits
from lkedge.control.http_messages import MALFORMED, METHOD_NOT_ALLOWED, REQUEST_TIMEOUT, TOO_LARGE
from lkedge.control.target import ControlChanged, StatusChanged
from lkedge.testing.fake_target import CONTROLS, FakeTarget, video_track
from tests.unit.control.conftest import Serve
from tests.unit.control.http_client import Answer, Client, read_answer, read_event

ROUNDS = 300
CODES = {code.value for code in Code} - {"internal"} | {MALFORMED, METHOD_NOT_ALLOWED, TOO_LARGE, REQUEST_TIMEOUT}
REQUEST = b"PUT /v1/tracks/front/layers/q HTTP/1.1\r\nHost: lkedge\r\nContent-Length: 24\r\n\r\n"
VALID = (
    REQUEST + b'{"max_bitrate": 100000 }',
    b"GET /v1/tracks/front/snapshot?width=640 HTTP/1.1\r\nHost: lkedge\r\nAccept: */*\r\n\r\n",
    b"POST /v1/tracks/front/mute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET /v1/status HTTP/1.0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
)
SPITE = (
    b"\r\n", b"\0", b"\xff\xfe", b" ", b":", b"%", b"{", b"[" * 3_000, b"A" * 20_000, b"Content-Length: 9\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"-1", b"\r\n\r\n", b"HTTP/9.9", b"\x16\x03\x01",
)  # fmt: skip
VALUES = (
    None, True, 0, -1, 1, 10**30, 1e308, 0.5, "", "x", "front", "q", "ü" * 300, "\0", [], [[]], {}, {"a": 1},
    {"name": "front"}, {"name": [1], "source": {}}, ["front"], "camera", "debug", "true", 2**63, -(2**63),
)  # fmt: skip


@pytest.fixture(autouse=True)
async def nothing_is_left(
    handler: Handler, target: FakeTarget, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[None]:
    """After each test: no task, no listener, no descriptor, and no fault in the log."""
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    yield
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert (target.listeners, handler.events.streams) == (0, 0)
    assert len(os.listdir("/proc/self/fd")) <= files
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def served(nothing_is_left: None, serve: Serve, path: Path) -> AsyncIterator[Client]:
    """A client of a server with short deadlines, which is stopped before it is seen what is left."""
    server = await serve(Limits(request_s=0.3, idle_s=2.0, send_s=0.3, linger_s=0.3))
    yield Client(path)
    await server.stop()


async def until(holds: Any) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.005)


async def outcome(client: Client, data: bytes) -> list[Answer]:
    """Everything that comes back for some bytes."""
    answers = []
    async with client.opened() as (reader, writer):
        writer.write(data)
        writer.write_eof()
        while True:
            try:
                answers.append(await read_answer(reader))
            except (asyncio.IncompleteReadError, ConnectionError):
                return answers


def check(answer: Answer) -> None:
    if answer.headers.get("content-type") == "text/event-stream" or answer.status < 300:
        return
    assert answer.code in CODES, answer.body
    assert answer.json["error"]["message"]
    assert len(answer.body) < 20_000


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, left out, doubled or put in."""
    spoiling = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randrange(len(spoiling) + 1) for _ in range(2))
        match chance.randrange(4):
            case 0:
                spoiling[at:at] = chance.choice(SPITE)
            case 1:
                del spoiling[at:end]
            case 2:
                spoiling[at:at] = spoiling[at:end]
            case 3:
                spoiling[at : at + 1] = chance.randbytes(1)
    return bytes(spoiling)


@pytest.mark.parametrize("seed", range(4))
async def test_bytes_that_are_no_http(served: Client, seed: int) -> None:
    chance = random.Random(seed)
    seen = set()
    for _ in range(ROUNDS // 4):
        for answer in await outcome(served, spoilt(chance.choice(VALID), chance)):
            check(answer)
            seen.add(answer.status)
        assert (await served.ask("GET /v1/tracks")).status == 200
    assert {400, 404} <= seen


def spoilt_body(command: Command, chance: random.Random) -> dict[str, Any]:
    names = [*command.arguments.model_fields, "other", "persist"]
    return {name: chance.choice(VALUES) for name in chance.sample(names, chance.randint(0, min(4, len(names))))}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_values_of_every_type_and_range(served: Client, target: FakeTarget, command: Command) -> None:
    chance = random.Random(command.name)
    for _ in range(ROUNDS // 10):
        target.tracks["front"] = video_track("front")
        path = command.path.format(track="front", rid="q", control="gain", publish_as="camera")
        answer = await served.ask(f"{command.method} {path}", spoilt_body(command, chance))
        check(answer)
        assert answer.status in (200, 400, 404, 409, 503)


HUGE = 10**9


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"PUT /v1/permissions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % HUGE, 413, "too_large"),
        (
            b"PUT /v1/permissions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"4000\r\n%b\r\n" % (b" " * 0x4000) * 8,
            413,
            "too_large",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431, "too_large"),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "too_large"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 431, "too_large"),
        (b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "malformed_request"),
        (
            b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            400,
            "malformed_request",
        ),
        (b"GET /v1/status HTTP/1.1\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed_request"),
        (REQUEST[:30], 408, "request_timeout"),
        (REQUEST + b'{"max_bitrate"', 408, "request_timeout"),
    ],
)  # fmt: skip
async def test_too_much_too_little_or_too_slow(served: Client, data: bytes, status: int, code: str) -> None:
    answer = await served.send(data)
    assert (answer.status, answer.code, answer.headers["connection"]) == (status, code, "close")


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"settings":' * 5_000, b'{"value": ' + b"9" * 60_000 + b"}"])
async def test_json_that_is_deep_or_long(served: Client, body: bytes) -> None:
    answer = await served.ask("PUT /v1/tracks/front/controls/gain", body)
    assert (answer.status, answer.code in CODES) == (400, True)


async def test_drop_by_drop_is_too_slow(served: Client) -> None:
    """Each byte comes in time, the whole does not."""
    async with served.opened() as (reader, writer):
        answer = asyncio.create_task(read_answer(reader))
        while not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.01)
        assert (await answer).status == 408


async def test_others_are_served_while_many_are_slow(served: Client) -> None:
    slow = [await served.connect() for _ in range(40)]
    for _, writer in slow:
        writer.write(REQUEST)
    assert (await served.ask("GET /v1/tracks")).status == 200
    assert {(await read_answer(reader)).status for reader, _ in slow} == {408}
    for _, writer in slow:
        writer.transport.abort()


async def test_an_idle_client_is_closed(serve: Serve, nothing_is_left: None, path: Path) -> None:
    server = await serve(Limits(idle_s=0.05))
    async with Client(path).opened() as (reader, _):
        assert await reader.read() == b""
    await server.stop()


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096) if hard > 0 else 4_096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_thousand_connections_at_once(served: Client, many_files: None) -> None:
    answers = await asyncio.gather(*(served.ask("GET /v1/tracks") for _ in range(1_000)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= http_server.MAX_CONNECTIONS
    assert {answer.code for answer in answers if answer.status == 503} <= {"busy"}
    assert (await served.ask("GET /v1/tracks")).status == 200


async def test_connections_that_wait_make_room(
    served: Client, many_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = [await served.connect() for _ in range(http_server.MAX_CONNECTIONS)]
    answer = await served.ask("GET /v1/tracks")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "busy", "1")
    monkeypatch.setattr(http_server, "EVICTABLE_AFTER_S", 0.0)
    assert (await served.ask("GET /v1/tracks")).status == 200
    assert await idle[0][0].read() == b""
    for _, writer in idle:
        writer.transport.abort()


async def test_who_may_only_read_cannot_lock_out_others(served: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MAX_GUESTS", 0)
    monkeypatch.setattr(http_server.Rights, "permits", lambda *_: False)
    assert (await served.ask("GET /v1/tracks")).status == 503
    monkeypatch.undo()
    assert (await served.ask("GET /v1/tracks")).status == 200


async def test_event_streams_are_counted(served: Client) -> None:
    streams = [await served.connect() for _ in range(17)]
    for _, writer in streams:
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    for reader, _ in streams[:16]:
        assert (await read_event(reader))[0] == "state"
    answer = await read_answer(streams[16][0])
    assert (answer.status, answer.code) == (503, "busy")
    assert (await served.ask("GET /v1/tracks")).status == 200
    for _, writer in streams:
        writer.transport.abort()


async def test_a_client_that_never_reads_its_events_is_dropped(
    served: Client, target: FakeTarget, handler: Handler
) -> None:
    """The one that reads gets all of them meanwhile."""
    async with served.opened() as (_, deaf), served.opened() as (reader, writer):
        for each in (deaf, writer):
            each.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_event(reader)
        await until(lambda: handler.events.streams == 2)
        sent = 0
        while handler.events.dropped_clients == 0:
            for _ in range(20):
                target.tell(ControlChanged("front", CONTROLS[0]))
            for _ in range(20):
                assert (await read_event(reader))[0] == "control_changed"
            sent += 20
            assert sent < 100_000
        await until(lambda: handler.events.streams == 1)
        assert (await served.ask("GET /v1/tracks")).status == 200


async def test_a_client_that_does_not_take_its_answer_is_dropped(
    served: Client, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def large(name: str, width: int) -> bytes:
        return bytes(8 << 20)

    monkeypatch.setattr(target, "snapshot", large)
    async with served.opened() as (_, writer):
        writer.write(b"GET /v1/tracks/front/snapshot HTTP/1.1\r\nHost: x\r\n\r\n")
        open_connections = "lkedge_control_connections 2"
        assert open_connections in (await served.ask("GET /metrics")).body.decode()
        while open_connections in (await served.ask("GET /metrics")).body.decode():
            await asyncio.sleep(0.02)


async def test_a_stream_of_events_takes_no_requests(served: Client, target: FakeTarget) -> None:
    async with served.opened() as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_event(reader)
        writer.write(b"x" * 100_000)
        assert (await reader.read()).endswith(b"0\r\n\r\n")


async def test_changes_without_end_are_few_events(served: Client, target: FakeTarget) -> None:
    async with served.opened() as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_event(reader)
        for muted in [True, False] * 500 + [True]:
            target.set_muted("front", muted, False)
            target.tell(StatusChanged())
        name, track = await read_event(reader)
        assert (name, track["muted"]) == ("track_changed", True)
        await served.ask("POST /v1/reload")
        assert (await read_event(reader))[0] == "reloaded"
