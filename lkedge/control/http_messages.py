"""Requests and answers of the HTTP spelling as values, without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lkedge.control.errors import Code, ControlError
from lkedge.control.events import Subscription
from lkedge.control.peer import Peer

JSON = "application/json"

STATUS_OF = {
    Code.NOT_FOUND: 404,
    Code.INVALID_ARGUMENT: 400,
    Code.CONFLICT: 409,
    Code.FORBIDDEN: 403,
    Code.NOT_POSSIBLE_NOW: 503,
    Code.BUSY: 503,
    Code.TIMEOUT: 504,
    Code.INTERNAL: 500,
}

MALFORMED = "malformed_request"
"""Code of what is no HTTP, or no JSON."""

METHOD_NOT_ALLOWED = "method_not_allowed"
TOO_LARGE = "too_large"
REQUEST_TIMEOUT = "request_timeout"


@dataclass(frozen=True, slots=True)
class Request:
    """path, query: percent-encoded. peer: None over TCP."""

    method: str
    path: str
    query: str
    body: bytes
    peer: Peer | None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. headers: further ones."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EventStream:
    """An answer without an end: `first` at once, then the events of `subscription`, which whoever sends it closes."""

    first: bytes
    subscription: Subscription


class HttpFault(Exception):
    """A request that is answered with an error of HTTP rather than of a command."""

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def response(self) -> Response:
        return error_response(self.status, self.code, str(self), headers=self.headers)


def refusal(error: ControlError) -> Response:
    """The answer to a command that was refused."""
    return error_response(STATUS_OF[error.code], error.code.value, error.message, error.problems)


def error_response(
    status: int, code: str, message: str, problems: Sequence[str] = (), headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Every error has this body."""
    error = {"code": code, "message": message, "problems": list(problems)}
    return Response(status, json.dumps({"error": error}).encode() + b"\n", headers=headers)
