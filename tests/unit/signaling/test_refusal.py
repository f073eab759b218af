from __future__ import annotations

import errno
import socket
import ssl

import pytest
from websockets.exceptions import InvalidMessage

from lkedge.signaling.address import SignalAddress
from lkedge.signaling.claims import mint_token
from lkedge.signaling.refusal import connect_error, join_refused, plain_text

ADDRESS = SignalAddress.parse("wss://lk.example")
TOKEN = mint_token("key", "secret", identity="a", room="r", now_s=1000)


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot be found: check the name lk.example"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refuses the connection"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] x"), "refuses the connection"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "cannot be reached: Network is unreachable"),
        (TimeoutError(), "did not answer within 15 s"),
        (ssl.SSLError(1, "wrong version number"), "does not speak TLS"),
        (InvalidMessage("x"), "does not speak HTTP"),
        (EOFError(), "does not speak HTTP"),
        (RuntimeError("odd"), "odd"),
    ],
)
def test_network_errors_name_server_and_remedy(error: Exception, complaint: str) -> None:
    said = str(connect_error(error, ADDRESS, 15))
    assert said.startswith("lk.example:443 ")
    assert complaint in said


@pytest.mark.parametrize(
    ("status", "now_s", "complaint"),
    [
        (401, 2000, "check the API key"),
        (401, 1e9, "the token expired on"),
        (403, 2000, "roomJoin"),
        (404, 1e9, "make the room first"),
        (503, 1e9, "at its limits"),
        (599, 2000, "is it a LiveKit server?"),
    ],
)
def test_refusals_have_a_remedy(status: int, now_s: float, complaint: str) -> None:
    refused = join_refused(status, "", TOKEN, ADDRESS, now_s)
    assert f"status {status}: " in str(refused)
    assert complaint in str(refused)
    assert refused.status == status


def test_the_servers_words_never_carry_a_token() -> None:
    said = plain_text("text/plain; charset=utf-8", f"invalid token: {TOKEN}, error:\n expired")
    assert said == "invalid token: ..., error: expired"
    assert plain_text("text/plain", "bad " + TOKEN[:50]) == "bad ..."


def test_a_proxys_page_is_not_quoted() -> None:
    assert plain_text("text/html", "<html>") == ""
