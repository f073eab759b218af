from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from lkedge.errors import JoinRefused, SignalLost
from lkedge.signaling.claims import mint_token
from lkedge.signaling.http import HttpRequest, HttpResponse
from lkedge.signaling.token import Credentials
from lkedge.signaling.token_endpoint import EndpointRequest, EndpointTokenProvider

TOKEN = mint_token("key", "secret", identity="camera", room="room", now_s=1_790_000_000)
REQUEST = EndpointRequest(
    "https://tokens.example/get", room="room", identity="camera", headers={"X-Sandbox-ID": "s4nd"}
)


class FakeServer:
    """Answers one after another; the last answer for ever."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.slept: list[float] = []

    async def fetch(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def provider(self, request: EndpointRequest = REQUEST) -> EndpointTokenProvider:
        return EndpointTokenProvider(request, fetch=self.fetch, sleep=self.sleep)


def ok(body: object) -> HttpResponse:
    return HttpResponse(200, "application/json", body if isinstance(body, str) else json.dumps(body))


async def test_posts_livekits_format() -> None:
    server = FakeServer(ok({"server_url": "wss://lk", "participant_token": TOKEN}))

    assert await server.provider().fetch() == Credentials(TOKEN, "wss://lk")

    (request,) = server.requests
    assert request.method == "POST"
    assert json.loads(request.body or b"") == {"room_name": "room", "participant_identity": "camera"}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Sandbox-ID"] == "s4nd"


@pytest.mark.parametrize(
    ("body", "url"),
    [
        ({"serverUrl": "wss://lk", "participantToken": TOKEN}, "wss://lk"),
        ({"token": TOKEN}, ""),
        (json.dumps(TOKEN), ""),
        (TOKEN + "\n", ""),
    ],
)
async def test_understands_other_spellings(body: object, url: str) -> None:
    assert await FakeServer(ok(body)).provider().fetch() == Credentials(TOKEN, url)


async def test_gets_with_a_query_when_asked_to() -> None:
    server = FakeServer(ok(TOKEN))

    await server.provider(EndpointRequest("https://t.example/?a=1", room="my room", method="GET")).fetch()

    assert server.requests[0].method == "GET"
    assert parse_qs(urlsplit(server.requests[0].url).query) == {"a": ["1"], "room_name": ["my room"]}


@pytest.mark.parametrize(
    "failure", [SignalLost("x does not answer"), HttpResponse(503, "", ""), HttpResponse(429, "", "")]
)
async def test_tries_three_times(failure: HttpResponse | Exception) -> None:
    server = FakeServer(failure)

    with pytest.raises(SignalLost, match="token endpoint"):
        await server.provider().fetch()

    assert len(server.requests) == 3
    assert len(server.slept) == 2


async def test_a_second_try_may_succeed() -> None:
    assert (await FakeServer(SignalLost("x"), ok(TOKEN)).provider().fetch()).token == TOKEN


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (HttpResponse(403, "", ""), "answers 403: check"),
        (HttpResponse(302, "", ""), "redirects are not followed"),
        (ok({"error": "no"}), "sends no token"),
        (ok([]), "sends no token"),
        (ok("<html>"), "sends no token"),
    ],
)
async def test_what_cannot_heal_is_refused_at_once(answer: HttpResponse, complaint: str) -> None:
    server = FakeServer(answer)

    with pytest.raises(JoinRefused, match=complaint):
        await server.provider().fetch()

    assert len(server.requests) == 1


async def test_no_secret_shows() -> None:
    server = FakeServer(ok({"participant_token": TOKEN, "server_url": "u"}))
    credentials = await server.provider().fetch()
    shown = repr([REQUEST, *server.requests, credentials])
    assert "s4nd" not in shown
    assert TOKEN not in shown
