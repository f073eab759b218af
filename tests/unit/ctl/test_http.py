"""The HTTP client against a peer that answers byte by byte as told: bodies of all kinds, and what is no HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge.ctl import client, http
from lkedge.ctl.client import Client, server_sent_events, target
from lkedge.ctl.errors import BadReply, Broken, NoAnswer, Refused

OK = b"HTTP/1.1 200 OK\r\n"


class Peer:
    """Takes one connection, keeps what is asked, answers with `answer`."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.asked = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread: threading.Thread | None = None

    def answers(self, *answers: bytes, closes: bool = True) -> str:
        """Each to one connection, in a thread; returns the path of the socket."""
        self._thread = threading.Thread(target=self._serve_all, args=(answers, closes))
        self._thread.start()
        return self.path

    def close(self) -> None:
        self._listener.close()
        if self._thread is not None:
            self._thread.join(10)

    def _serve_all(self, answers: tuple[bytes, ...], closes: bool) -> None:
        for answer in answers:
            self._serve(answer, closes)

    def _serve(self, answer: bytes, closes: bool) -> None:
        connection, _ = self._listener.accept()
        self.asked = b""
        with connection:
            while b"\r\n\r\n" not in self.asked:
                self.asked += connection.recv(65_536)
            connection.sendall(answer)
            if not closes:
                connection.settimeout(10)
                connection.recv(1)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(tmp_path / "peer.sock")
    yield peer
    peer.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        OK + b"Content-Type: text/plain\r\n\r\nhello",
        b"HTTP/1.1 200\ncontent-length:5\n\nhello",
    ],
    ids=["length", "chunks", "until closed", "bare line ends"],
)
def test_bodies_of_all_kinds(peer: Peer, answer: bytes) -> None:
    response = http.request(peer.answers(answer), "GET", "/v1/status", timeout_s=30)
    assert (response.status, response.body) == (200, b"hello")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 ok\r\n\r\n",
        OK,
        OK + b"Content-Length: 9\r\n\r\nhello",
        OK + b"Content-Length: five\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"A: b\r\n" * 200 + b"\r\n",
        OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_reply(peer: Peer, answer: bytes) -> None:
    with pytest.raises(BadReply):
        http.request(peer.answers(answer), "GET", "/v1/status", timeout_s=30)


def test_a_silent_peer_is_given_up(peer: Peer) -> None:
    with pytest.raises(NoAnswer, match="systemctl status"):
        http.request(peer.answers(b"", closes=False), "GET", "/v1/status", timeout_s=0.05)


def test_the_request_is_complete(peer: Peer) -> None:
    path = peer.answers(OK + b"Content-Length: 2\r\n\r\n{}")
    Client(path).call("PUT", "tracks", "a b", "layers", "h", body={"enabled": False})
    head, _, body = peer.asked.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"PUT /v1/tracks/a%20b/layers/h HTTP/1.1"
    assert b"Content-Length: 18" in head
    assert body == b'{"enabled": false}'


@pytest.mark.parametrize("body", [b"", b"oops", b"[]", b'{"error": {"code": 1}}'])
def test_an_error_without_a_reason_is_a_bad_reply(peer: Peer, body: bytes) -> None:
    path = peer.answers(b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(BadReply, match="500"):
        Client(path).get("status")


def test_every_problem_of_a_refusal_is_told(peer: Peer) -> None:
    body = b'{"error": {"code": "invalid_argument", "message": "a; b", "problems": ["a", "b", "c"]}}'
    path = peer.answers(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(Refused) as caught:
        Client(path).get("status")
    assert str(caught.value) == "a; b\n  c"


def test_a_question_is_asked_again_when_the_daemon_restarts(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSES_S", (0, 0))
    path = peer.answers(b"", b"", OK + b"Content-Length: 2\r\n\r\n{}")
    assert Client(path).get("status") == {}


def test_a_change_that_twice_would_be_wrong_is_not(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSES_S", (0, 0))
    path = peer.answers(b"")
    with pytest.raises(Broken):
        Client(path).call("POST", "tracks", body={})


def test_a_query_is_escaped() -> None:
    assert target(["tracks", "ü/?"], {"persist": True, "width": None, "a": "b c"}) == (
        "/v1/tracks/%C3%BC%2F%3F?persist=true&a=b%20c"
    )


def test_events_are_read_across_pieces() -> None:
    stream = b'id: 1\r\nevent: state\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: a comment\n\nevent: x\n\ndata: "\xc3\xbc"\n\n'
    pieces = iter([stream[:9], stream[9:30], stream[30:]])
    assert list(server_sent_events(pieces)) == [("state", {"a": 1}), ("message", "ü")]
