"""The HTTP spelling as clients see it, over a real socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lkedge.control.api import COMMANDS
from lkedge.control.errors import Code, ControlError
from lkedge.control.handler import Handler
from lkedge.errors import ConfigError, SignalLost, SourceUnavailable
from lkedge.testing.fake_target import JPEG, FakeTarget
from tests.unit.control.http_client import Client, read_answer, read_event

EXAMPLES: dict[str, tuple[str, Any]] = {
    "status": ("GET /v1/status", None),
    "tracks": ("GET /v1/tracks", None),
    "track": ("GET /v1/tracks/front", None),
    "add_track": ("POST /v1/tracks", {"settings": {"name": "new", "source": "testsrc"}}),
    "change_track": ("PATCH /v1/tracks/front", {"settings": {"muted": True}}),
    "remove_track": ("DELETE /v1/tracks/front?persist=true", None),
    "mute": ("POST /v1/tracks/front/mute", {"persist": True}),
    "unmute": ("POST /v1/tracks/front/unmute", None),
    "enable": ("POST /v1/tracks/front/enable", {}),
    "disable": ("POST /v1/tracks/front/disable", None),
    "enable_kind": ("POST /v1/sources/camera/enable", None),
    "disable_kind": ("POST /v1/sources/camera/disable", {"persist": False}),
    "set_layer": ("PUT /v1/tracks/front/layers/h", {"max_bitrate": 200_000}),
    "controls": ("GET /v1/tracks/front/controls", None),
    "set_control": ("PUT /v1/tracks/front/controls/gain", {"value": 2}),
    "snapshot": ("GET /v1/tracks/front/snapshot?width=640", None),
    "permissions": ("GET /v1/permissions", None),
    "set_permissions": (
        "PUT /v1/permissions",
        {"all_participants_allowed": False, "participants": [{"identity": "ann", "tracks": ["front"]}]},
    ),
    "reconnect": ("POST /v1/reconnect", None),
    "reload": ("POST /v1/reload", None),
    "plugins": ("GET /v1/plugins", None),
    "devices": ("GET /v1/devices", None),
    "log_level": ("GET /v1/log-level", None),
    "set_log_level": ("PUT /v1/log-level", {"level": "debug", "logger": "lkedge.rtc"}),
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_every_command_answers_with_its_model(command, client: Client) -> None:
    answer = await client.ask(*EXAMPLES[command.name])
    assert answer.status == 200, answer.body
    if command.reply is bytes:
        assert (answer.headers["content-type"], answer.body) == ("image/jpeg", JPEG + b"640")
    else:
        assert command.reply.model_validate_json(answer.body)


async def test_arguments_arrive(client: Client, target: FakeTarget) -> None:
    await client.ask("POST /v1/tracks/front/mute", {"persist": True})
    await client.ask("DELETE /v1/tracks/talk?persist=1")
    assert target.calls == [("set_muted", "front", True, True), ("remove_track", "talk", True)]


async def test_names_are_percent_encoded(client: Client, target: FakeTarget) -> None:
    await client.ask("POST /v1/tracks", {"settings": {"name": "a/b ü?", "source": "testsrc"}})
    answer = await client.ask("GET /v1/tracks/a%2Fb%20%C3%BC%3F")
    assert answer.json["name"] == "a/b ü?"


async def test_single_names_the_layer_without_rid(client: Client) -> None:
    answer = await client.ask("PUT /v1/tracks/talk/layers/single", {"enabled": False})
    assert [(layer["rid"], layer["active"]) for layer in answer.json["layers"]] == [("single", False)]


async def test_head_is_get_without_body(client: Client) -> None:
    answer = await client.ask("HEAD /v1/tracks")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("what", "body", "status", "code", "problem"),
    [
        ("GET /v2/status", None, 404, "not_found", ""),
        ("GET /v1/tracks/", None, 404, "not_found", ""),
        ("GET /v1/tracks/rear", None, 404, "not_found", ""),
        ("POST /v1/tracks/rear/mute", None, 404, "not_found", ""),
        ("PUT /v1/tracks/front/layers/x", {}, 404, "not_found", ""),
        ("PUT /v1/tracks/front/controls/zoom", {"value": 1}, 404, "not_found", ""),
        ("DELETE /v1/status", None, 405, "method_not_allowed", ""),
        ("BREW /v1/status", None, 405, "method_not_allowed", ""),
        ("POST /v1/tracks/front/mute", b"{", 400, "malformed_request", ""),
        ("POST /v1/tracks/front/mute", [1], 400, "malformed_request", ""),
        ("POST /v1/tracks/front/mute", b'{"persist": NaN}', 400, "malformed_request", ""),
        ("POST /v1/tracks/front/mute", b"\xff\xfe", 400, "malformed_request", ""),
        ("GET /v1/tracks/%ff", None, 400, "malformed_request", ""),
        ("POST /v1/tracks/front/mute", {"persist": "no"}, 400, "invalid_argument", 'persist = "no": must be true or'),
        ("POST /v1/tracks/front/mute", {"track": "x"}, 400, "invalid_argument", "track: it stands in the address"),
        ("POST /v1/tracks/front/mute?persist=1", None, 400, "invalid_argument", "JSON body"),
        ("GET /v1/status", {"a": 1}, 400, "invalid_argument", "GET takes no body"),
        ("GET /v1/tracks/front/snapshot?width=9", None, 400, "invalid_argument", "width = "),
        ("GET /v1/tracks/front/snapshot?width=x", None, 400, "invalid_argument", 'width = "x": must be a whole'),
        ("GET /v1/tracks/front/snapshot?width=1&width=2", None, 400, "invalid_argument", "twice"),
        ("GET /v1/tracks/front/snapshot?hight=16", None, 400, "invalid_argument", "there is no such setting"),
        ("PUT /v1/tracks/front/layers/q", {"max_bitrat": 1}, 400, "invalid_argument", 'did you mean "max_bitrate"?'),
        ("PUT /v1/tracks/front/layers/q", {"max_bitrate": 1}, 400, "invalid_argument", "must be at least 10000"),
        ("PUT /v1/tracks/front/controls/gain", {"value": 9}, 400, "invalid_argument", "a number from 0 to 4 dB"),
        ("PUT /v1/tracks/front/controls/focus", {"value": "x"}, 400, "invalid_argument", "auto, manual"),
        ("PUT /v1/tracks/front/controls/gain", {"value": 10**400}, 400, "invalid_argument", "value = 1000"),
        ("PUT /v1/tracks/front/controls/gain", {}, 400, "invalid_argument", "value is required"),
        ("PUT /v1/tracks/front/controls/temperature", {"value": 1}, 503, "not_possible_now", "cannot be written"),
        ("POST /v1/sources/kamera/enable", None, 400, "invalid_argument", 'did you mean "camera"?'),
        ("POST /v1/tracks", {"settings": {"name": "front", "source": "testsrc"}}, 409, "conflict", ""),
        ("POST /v1/tracks", {"settings": {"name": "new", "source": "x"}}, 400, "invalid_argument", "no source 'x'"),
        ("PUT /v1/log-level", {"level": "loud"}, 400, "invalid_argument", '"debug", "info", "warning" or "error"'),
    ],
)  # fmt: skip
async def test_what_is_refused(client: Client, what: str, body: Any, status: int, code: str, problem: str) -> None:
    answer = await client.ask(what, body)
    assert (answer.status, answer.code) == (status, code)
    assert problem in "; ".join(answer.problems)
    assert set(answer.json["error"]) == {"code", "message", "problems"}


async def test_all_problems_are_named_at_once(client: Client) -> None:
    answer = await client.ask("PUT /v1/tracks/front/layers/q", {"enabled": 1, "max_bitrate": "x", "max_framerate": -1})
    assert answer.problems == [
        "enabled = 1: must be true or false",
        'max_bitrate = "x": must be a whole number',
        "max_framerate = -1: must be more than 0",
    ]


async def test_405_names_the_methods(client: Client) -> None:
    assert (await client.ask("DELETE /v1/tracks")).headers["allow"] == "GET, POST, HEAD"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (ConfigError(["a", "b"]), 400, "invalid_argument"),
        (SourceUnavailable("no camera"), 503, "not_possible_now"),
        (SignalLost("no network"), 503, "not_possible_now"),
        (TimeoutError(), 504, "timeout"),
        (ControlError(Code.CONFLICT, "another reload runs"), 409, "conflict"),
        (ControlError(Code.BUSY, "busy"), 503, "busy"),
        (ZeroDivisionError("secret detail"), 500, "internal"),
    ],
)
async def test_failures_of_the_daemon_have_codes(
    client: Client, target: FakeTarget, failure: Exception, status: int, code: str
) -> None:
    target.failure = failure
    answer = await client.ask("POST /v1/reload")
    assert (answer.status, answer.code) == (status, code)
    assert b"secret detail" not in answer.body
    assert (await client.ask("POST /v1/reload")).status == 200


async def test_a_connection_serves_many_requests(client: Client) -> None:
    async with client.opened() as (reader, writer):
        writer.write(b"GET /v1/tracks HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        answers = [await read_answer(reader) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]


async def test_events_begin_with_the_state_and_go_on(client: Client, target: FakeTarget) -> None:
    async with client.opened() as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        name, state = await read_event(reader)
        assert (name, len(state["tracks"])) == ("state", 2)
        await client.ask("POST /v1/tracks/front/mute")
        name, track = await read_event(reader)
        assert (name, track["name"], track["muted"]) == ("track_changed", "front", True)
        await client.ask("PUT /v1/tracks/front/controls/gain", {"value": 2})
        assert (await read_event(reader))[1]["control"]["value"] == 2
        await client.ask("DELETE /v1/tracks/talk")
        assert await read_event(reader) == ("track_removed", {"track": "talk"})
        await client.ask("POST /v1/reload")
        assert (await read_event(reader))[0] == "reloaded"


async def test_a_client_that_leaves_the_events_is_forgotten(
    client: Client, target: FakeTarget, handler: Handler
) -> None:
    async with client.opened() as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_event(reader)
        assert (target.listeners, handler.events.streams) == (1, 1)
    async with asyncio.timeout(5):
        while target.listeners:
            await asyncio.sleep(0)
    assert handler.events.streams == 0


async def test_the_openapi_document_names_every_command(client: Client) -> None:
    document = (await client.ask("GET /v1/openapi.json")).json
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert named == {command.name for command in COMMANDS} | {"events", "metrics", "openapi"}


async def test_metrics(client: Client) -> None:
    await client.ask("GET /v1/nothing")
    answer = await client.ask("GET /metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'lkedge_layer_bits_per_second{track="front",rid="q"} 100000\n' in text
    assert 'lkedge_control_requests_total{status="404"} 1\n' in text


async def test_a_client_may_wait_for_100_continue(client: Client, target: FakeTarget) -> None:
    body = json.dumps({"persist": True}).encode()
    head = f"POST /v1/tracks/front/mute HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n"
    async with client.opened() as (reader, writer):
        writer.write(head.encode() + b"\r\n")
        assert (await read_answer(reader)).status == 100
        writer.write(body)
        assert (await read_answer(reader)).status == 200
