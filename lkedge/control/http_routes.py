# lkedge: pure
"""From method and path to a command, and from path, query and body to its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote

import pydantic_core

from lkedge.control.api import COMMANDS, Command
from lkedge.control.arguments import Arguments
from lkedge.control.http_messages import MALFORMED, METHOD_NOT_ALLOWED, HttpFault, Request
from lkedge.control.parse import from_texts, from_values, invalid

MAX_QUERY_FIELDS = 32
_WITHOUT_BODY = ("GET", "HEAD", "DELETE")


class Resource(StrEnum):
    """What only HTTP has."""

    EVENTS = "/v1/events"
    OPENAPI = "/v1/openapi.json"
    METRICS = "/metrics"


@dataclass(frozen=True, slots=True)
class Match:
    """What was asked for. fields: those of the path, decoded."""

    action: Command | Resource
    fields: Mapping[str, str]


def find(method: str, path: str) -> Match:
    """What a request asks for; HEAD is as GET.

    Raises:
        HttpFault: 404, or 405 with the methods that are allowed.
    """
    wanted = "GET" if method == "HEAD" else method
    segments = _segments(path)
    allowed = []
    for route_method, template, action in _ROUTES:
        fields = _fields(template, segments)
        if fields is not None and route_method == wanted:
            return Match(action, fields)
        if fields is not None:
            allowed.append(route_method)
    raise (
        _not_allowed(method, path, allowed)
        if allowed
        else HttpFault(
            404, "not_found", f"there is nothing at {path!r:.200}; GET {Resource.OPENAPI} describes what there is"
        )
    )


def arguments(match: Match, request: Request) -> Arguments:
    """The arguments of the command that was found.

    Raises:
        ControlError: `invalid_argument`.
        HttpFault: the body is no JSON.
    """
    assert isinstance(match.action, Command)
    if request.method in _WITHOUT_BODY:
        _refuse_body(match.action, request)
        return from_texts(match.action, _joined(match, _query(match.action, request.query)))
    if request.query:
        raise invalid(match.action.name, ["give the arguments in the JSON body, not behind the question mark"])
    return from_values(match.action, _joined(match, _json(request.body)))


def _not_allowed(method: str, path: str, allowed: list[str]) -> HttpFault:
    listed = ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else [])])
    text = f"{method:.20} is not allowed for {path!r:.200}; allowed are {listed}"
    return HttpFault(405, METHOD_NOT_ALLOWED, text, (("Allow", listed),))


def _segments(path: str) -> list[str]:
    try:
        return [unquote(segment, errors="strict") for segment in path.split("/")]
    except UnicodeDecodeError as error:
        raise HttpFault(400, MALFORMED, "the address is not UTF-8 behind its percent signs") from error


def _fields(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """The fields of a path; None when it is another one."""
    if len(template) != len(segments):
        return None
    fields = {}
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{") and given:
            fields[expected[1:-1]] = given
        elif expected != given:
            return None
    return fields


def _joined(match: Match, given: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(match.action, Command)
    twice = sorted(match.fields.keys() & given.keys())
    if twice:
        raise invalid(match.action.name, [f"{name}: it stands in the address already" for name in twice])
    return {**given, **match.fields}


def _query(command: Command, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise invalid(command.name, [f"the query cannot be read: {error}"]) from error
    given = dict(pairs)
    if len(given) < len(pairs):
        raise invalid(command.name, ["an argument is given twice in the query"])
    return given


def _json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise HttpFault(400, MALFORMED, f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise HttpFault(400, MALFORMED, 'the body must be a JSON object, such as {"persist": true}')
    return value


def _refuse_body(command: Command, request: Request) -> None:
    if request.body:
        raise invalid(command.name, [f"{request.method} takes no body; give the arguments behind a question mark"])


_ROUTES = [(command.method, command.path.split("/"), command) for command in COMMANDS] + [
    ("GET", resource.value.split("/"), resource) for resource in Resource
]
