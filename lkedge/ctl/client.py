"""The control interface as `lkedgectl` calls it: JSON in, JSON out, errors as exceptions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lkedge.ctl import http
from lkedge.ctl.errors import BadReply, Broken, Refused

TIMEOUT_S = 60.0
"""A camera that is opened for a list of devices, or a worker that ends, takes its time."""

PAUSES_S = (0.1, 0.3, 1.0)
"""Before asking again; the socket of systemd keeps the question until the daemon is back."""

HTTP_OK = range(200, 300)
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


class Client:
    """Talks to one daemon. Every call is a connection of its own, so it outlives restarts.

    path: of the socket.
    """

    def __init__(self, path: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path
        self._timeout_s = timeout_s

    def get(self, *segments: str, query: Mapping[str, Any] | None = None) -> Any:
        return self.call("GET", *segments, query=query)

    def call(
        self, method: str, *segments: str, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        """One command: its reply as JSON has it, None when there is none.

        segments: of the path below /v1; escaped here.

        Raises:
            Refused: the daemon said no.
        """
        data = None if body is None else json.dumps(body).encode()
        response = self._asked(method, target(segments, query), data)
        _raise_refusal(response)
        return _parsed(response.body) if response.body else None

    def data(self, *segments: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The bytes of something that is no JSON, such as a picture."""
        response = self._asked("GET", target(segments, query), None)
        _raise_refusal(response)
        return response.body

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, Any]]]:
        """The stream of events, name and data, until the daemon ends it."""
        with http.stream(self.path, target(["events"], None), timeout_s=self._timeout_s) as (response, pieces):
            if response.status not in HTTP_OK:
                _raise_refusal(http.Response(response.status, response.content_type, b"".join(pieces)))
            yield server_sent_events(pieces)

    def _asked(self, method: str, address: str, data: bytes | None) -> http.Response:
        """Asked again when the daemon restarts meanwhile, where twice is as good as once (RFC 9110, section 9.2.2)."""
        for pause_s in PAUSES_S if method in ("GET", "PUT") else ():
            try:
                return http.request(self.path, method, address, data, timeout_s=self._timeout_s)
            except Broken:
                time.sleep(pause_s)
        return http.request(self.path, method, address, data, timeout_s=self._timeout_s)


def target(segments: Any, query: Mapping[str, Any] | None) -> str:
    """Path and query below /v1, percent-encoded; values of the query that are None are left out."""
    path = "/".join(["/v1", *map(quote, segments)])
    pairs = [f"{name}={quote(_as_text(value))}" for name, value in (query or {}).items() if value is not None]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def quote(text: str) -> str:
    """Percent-encoding of all but unreserved characters (RFC 3986, section 2.3)."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def server_sent_events(pieces: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    """Name and data of each event; comments, ids and events without data are passed over.

    Source: HTML Living Standard, section 9.2.6.
    """
    name, data = "message", list[str]()
    for line in _lines(pieces):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not line:
            if data:
                yield name, _parsed("\n".join(data).encode())
            name, data = "message", []


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.rstrip(b"\r").decode("utf-8", "replace") for line in whole)
        if len(rest) > http.MAX_LINE * 16:
            raise BadReply("a line of the event stream does not end")


def _as_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise BadReply("the reply is no JSON") from error


def _raise_refusal(response: http.Response) -> None:
    if response.status in HTTP_OK:
        return
    try:
        error = json.loads(response.body)["error"]
        refused = Refused(error["code"], error["message"], list(error.get("problems") or ()))
    except (ValueError, KeyError, TypeError) as cause:
        raise BadReply(f"the daemon answered with status {response.status} and no reason") from cause
    raise refused
