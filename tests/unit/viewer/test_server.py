import http.client
import json
from collections.abc import Iterator

import pytest

from lkedge.viewer.server import ViewerServer

SESSION = {"url": "ws://127.0.0.1:7880", "token": "a-token", "room": "yard"}


@pytest.fixture
def server() -> Iterator[ViewerServer]:
    viewer = ViewerServer(lambda: SESSION)
    viewer.start()
    yield viewer
    viewer.stop()


def get(server: ViewerServer, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    host = server.url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def test_page_loads_nothing_from_elsewhere(server: ViewerServer) -> None:
    for path in ("/", "/viewer.js", "/viewer.css"):
        status, body, headers = get(server, path)
        assert status == 200
        assert b"https://" not in body
        assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_session_hands_the_page_address_and_token(server: ViewerServer) -> None:
    status, body, headers = get(server, "/session", Sec_Fetch_Site="same-origin")

    assert (status, json.loads(body)) == (200, SESSION)
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example:80"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}]
)
def test_another_site_does_not_get_the_token(server: ViewerServer, headers: dict[str, str]) -> None:
    status, body, _ = get(server, "/session", **headers)

    assert status == 403
    assert b"a-token" not in body


@pytest.mark.parametrize("path", ["/server.py", "/../server.py", "/..%2fserver.py", "/nothing"])
def test_nothing_else_is_served(server: ViewerServer, path: str) -> None:
    assert get(server, path)[0] == 404


def test_requests_are_not_logged(server: ViewerServer, capfd: pytest.CaptureFixture[str]) -> None:
    get(server, "/session")

    assert capfd.readouterr() == ("", "")
