"""One small HTTP request, made on a named thread so that the loop never waits for a name server.

Redirects are not followed: they would carry credentials to another host.
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urlsplit

from lkedge.errors import SignalLost

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """timeout_s: for connecting and for each read; the whole request gets twice that."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = 5.0

    @property
    def server(self) -> str:
        """Scheme and host, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    content_type: str
    text: str = field(repr=False)


async def fetch(request: HttpRequest) -> HttpResponse:
    """Make the request; any status is an answer.

    Raises:
        SignalLost: no answer: name, network, TLS or time.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[HttpResponse] = loop.create_future()
    thread = threading.Thread(target=_run, args=(request, loop, result), name="lkedge-http", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(2 * request.timeout_s):
            return await result
    except (OSError, ValueError, http.client.HTTPException) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise SignalLost(f"{request.server} does not answer: {reason or 'no answer in time'}") from exc


def _run(request: HttpRequest, loop: asyncio.AbstractEventLoop, result: asyncio.Future[HttpResponse]) -> None:
    try:
        response = _fetch_blocking(request)
    except Exception as exc:
        _hand_over(loop, result, result.set_exception, exc)
    else:
        _hand_over(loop, result, result.set_result, response)


def _hand_over(
    loop: asyncio.AbstractEventLoop, result: asyncio.Future[HttpResponse], settle: Callable[[Any], None], value: Any
) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if result.done() else settle(value))
    except RuntimeError:
        # The loop was closed while we waited for the server: nobody wants the answer.
        return


def _fetch_blocking(request: HttpRequest) -> HttpResponse:
    prepared = urllib.request.Request(
        request.url, data=request.body, headers=dict(request.headers), method=request.method
    )
    try:
        with _opener(request.url).open(prepared, timeout=request.timeout_s) as answer:
            return _response(answer.status, answer.headers.get_content_type(), answer)
    except urllib.error.HTTPError as error:
        with error:
            return _response(error.code, error.headers.get_content_type(), error)


def _opener(url: str) -> urllib.request.OpenerDirector:
    host = urlsplit(url).hostname or ""
    is_loopback = host in ("localhost", "::1") or host.startswith("127.")
    proxies = urllib.request.ProxyHandler({} if is_loopback else None)
    return urllib.request.build_opener(proxies, _StayHere)


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        return None


def _response(status: int, content_type: str, body: IO[bytes]) -> HttpResponse:
    return HttpResponse(status, content_type, body.read(MAX_BODY_BYTES).decode("utf-8", "replace"))
