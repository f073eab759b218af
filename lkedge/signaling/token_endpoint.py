"""Tokens from a token server: LiveKit's standard format, or a plain GET.

POST sends JSON {room_name, participant_identity, participant_name, participant_metadata,
participant_attributes} and expects {server_url, participant_token}; camelCase answers, as
LiveKit Cloud's sandbox gives them, are understood. GET sends the same as a query and also
accepts a bare token as answer.
Source: docs.livekit.io, "Token generation, endpoint" (TokenSourceRequest, TokenSourceResponse).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from lkedge.errors import JoinRefused, SignalLost
from lkedge.signaling.claims import read_claims
from lkedge.signaling.http import HttpRequest, HttpResponse, fetch
from lkedge.signaling.token import Credentials

logger = logging.getLogger(__name__)

RETRY_DELAYS_S = (0.5, 1.5)
"""Three tries in all; the reconnect policy takes over after that."""

_URL_KEYS = ("server_url", "serverUrl", "url")
_TOKEN_KEYS = ("participant_token", "participantToken", "token", "accessToken")


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """What is asked of the token server. Empty fields are left out.

    headers: such as Authorization or X-Sandbox-ID.
    """

    url: str
    room: str = ""
    identity: str = ""
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 5.0


class EndpointTokenProvider:
    """Asks a token server for every join."""

    def __init__(
        self,
        request: EndpointRequest,
        *,
        fetch: Callable[[HttpRequest], Awaitable[HttpResponse]] = fetch,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._request = request
        self._http = _http_request(request)
        self._fetch = fetch
        self._sleep = sleep

    async def fetch(self) -> Credentials:
        for delay_s in RETRY_DELAYS_S:
            try:
                return await self._try()
            except SignalLost as exc:
                logger.debug("token endpoint: %s; again in %s s", exc, delay_s)
                await self._sleep(delay_s)
        return await self._try()

    async def _try(self) -> Credentials:
        try:
            response = await self._fetch(self._http)
        except SignalLost as exc:
            raise SignalLost(f"token endpoint {exc}: check livekit.token_endpoint") from exc
        self._check_status(response)
        credentials = self._read(response)
        self._check_token(credentials.token)
        return credentials

    def _check_status(self, response: HttpResponse) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        said = f"token endpoint {self._http.server} answers {status}"
        if status >= 500 or status in (408, 429):
            raise SignalLost(said)
        if 300 <= status < 400:
            raise JoinRefused(f"{said}: redirects are not followed, configure the final address", status)
        raise JoinRefused(f"{said}: check its address and the headers it wants", status)

    def _read(self, response: HttpResponse) -> Credentials:
        text = response.text.strip()
        try:
            body = json.loads(text)
        except ValueError:
            body = text
        if isinstance(body, str):
            return Credentials(body)
        return Credentials(_first(body, _TOKEN_KEYS), _first(body, _URL_KEYS))

    def _check_token(self, token: str) -> None:
        try:
            read_claims(token)
        except JoinRefused:
            raise JoinRefused(
                f"token endpoint {self._http.server} sends no token: "
                '{"server_url": ..., "participant_token": ...} is expected'
            ) from None


def _http_request(request: EndpointRequest) -> HttpRequest:
    fields = _fields(request)
    headers = {"Accept": "application/json", **request.headers}
    if request.method == "GET":
        separator = "&" if "?" in request.url else "?"
        query = urlencode({key: value for key, value in fields.items() if isinstance(value, str)})
        url = request.url + (separator + query if query else "")
        return HttpRequest(url, "GET", headers, timeout_s=request.timeout_s)
    headers = {"Content-Type": "application/json", **headers}
    return HttpRequest(request.url, "POST", headers, json.dumps(fields).encode(), request.timeout_s)


def _fields(request: EndpointRequest) -> dict[str, Any]:
    fields = {
        "room_name": request.room,
        "participant_identity": request.identity,
        "participant_name": request.name,
        "participant_metadata": request.metadata,
        "participant_attributes": dict(request.attributes),
    }
    return {key: value for key, value in fields.items() if value}


def _first(body: Any, keys: tuple[str, ...]) -> str:
    if not isinstance(body, dict):
        return ""
    return next((str(body[key]) for key in keys if body.get(key)), "")
