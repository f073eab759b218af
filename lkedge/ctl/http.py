"""HTTP/1.1 to the control socket: one request for each connection.

By hand, since `http.client` brings in half of the email package: 30 ms of the 40 that
`lkedgectl` takes to start, and five times that on a small Pi. Source: RFC 9112.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from lkedge.ctl.errors import BadReply, Broken, NoAnswer, NotAllowed, NotRunning

CONNECT_TIMEOUT_S = 10.0
MAX_LINE = 65_536
"""Bytes of one header line, or of one line of the event stream."""

MAX_HEADERS = 100
ENDED = "the daemon has closed the connection in the middle of it; see `systemctl status lkedge`"


class Response(NamedTuple):
    """status: of HTTP. body: whole. No dataclass: those cost 8 ms to import, and nothing else here needs them."""

    status: int
    content_type: str
    body: bytes


def request(path: str, method: str, target: str, body: bytes | None = None, *, timeout_s: float) -> Response:
    """Ask once and wait for the whole reply.

    path: of the socket. target: path and query, percent-encoded. body: JSON.

    Raises:
        NotRunning, NotAllowed: the socket cannot be reached.
        NoAnswer: nothing has come for `timeout_s`.
        Broken: the connection ended before the reply did.
        BadReply: what came is no HTTP.
    """
    with _opened(path, timeout_s) as (connection, reader):
        connection.sendall(_request_head(method, target, body) + (body or b""))
        status, headers = _read_head(reader)
        return Response(status, headers.get("content-type", ""), b"".join(_body(reader, headers)))


@contextmanager
def stream(path: str, target: str, *, timeout_s: float) -> Iterator[tuple[Response, Iterator[bytes]]]:
    """Ask for something that goes on: the reply with an empty body, and the body's pieces as they come.

    timeout_s: until the head of the reply is there; then it may be silent for ever.
    """
    with _opened(path, timeout_s) as (connection, reader):
        connection.sendall(_request_head("GET", target, None))
        status, headers = _read_head(reader)
        connection.settimeout(None)
        yield Response(status, headers.get("content-type", ""), b""), _body(reader, headers)


@contextmanager
def _opened(path: str, timeout_s: float) -> Iterator[tuple[socket.socket, BinaryIO]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(min(timeout_s, CONNECT_TIMEOUT_S))
        try:
            connection.connect(path)
            connection.settimeout(timeout_s)
            with connection.makefile("rb") as reader:
                yield connection, reader
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NotRunning(path, error) from error
        except PermissionError as error:
            raise NotAllowed(path) from error
        except TimeoutError as error:
            raise NoAnswer(path, timeout_s) from error
        except ConnectionError as error:
            raise Broken(ENDED) from error
        except OSError as error:
            raise BadReply(f"cannot use {path}: {error.strerror or error}") from error


def _request_head(method: str, target: str, body: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: lkedge", "Connection: close"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _read_head(reader: BinaryIO) -> tuple[int, dict[str, str]]:
    """Status and headers, their names in lower case."""
    status_line = _line(reader).split(" ", 2)
    if len(status_line) < 2 or not status_line[0].startswith("HTTP/1.") or not status_line[1].isdecimal():
        raise BadReply("what answers at the socket does not speak HTTP")
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = _line(reader)
        if not line:
            return int(status_line[1]), headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise BadReply("the reply has too many headers")


def _body(reader: BinaryIO, headers: dict[str, str]) -> Iterator[bytes]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        yield from _chunks(reader)
    elif "content-length" in headers:
        yield _exactly(reader, _number(headers["content-length"], 10))
    else:
        while piece := reader.read1(65_536):  # type: ignore[attr-defined]
            yield piece


def _chunks(reader: BinaryIO) -> Iterator[bytes]:
    """RFC 9112, section 7.1; trailers are not used."""
    while size := _number(_line(reader).partition(";")[0], 16):
        yield _exactly(reader, size)
        _line(reader)


def _exactly(reader: BinaryIO, size: int) -> bytes:
    data = reader.read(size)
    if len(data) != size:
        raise Broken(ENDED)
    return data


def _line(reader: BinaryIO) -> str:
    line = reader.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise Broken(ENDED)
    return line.rstrip(b"\r\n").decode("latin-1")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise BadReply(f"the reply has a wrong length: {text!r:.40}") from error
