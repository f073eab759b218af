"""STUN and TURN URLs: RFC 7064, RFC 7065."""

from __future__ import annotations

import pytest

from lkedge.rtc.ice_servers import StunServer, TurnServer, parse_ice_servers
from lkedge.terms import IceServer


def servers(*urls: str, username: str = "user", credential: str = "secret") -> IceServer:
    return IceServer(urls, username, credential)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("stun:stun.l.google.com:19302", StunServer("stun.l.google.com", 19302)),
        ("stun:example.org", StunServer("example.org", 3478)),
        ("STUN:[2001:db8::1]:3479", StunServer("2001:db8::1", 3479)),
    ],
)
def test_stun_url(url: str, expected: StunServer) -> None:
    assert parse_ice_servers([servers(url)]).stun == (expected,)


@pytest.mark.parametrize(
    ("url", "port", "transport", "is_tls"),
    [
        ("turn:t.example:3479?transport=udp", 3479, "udp", False),
        ("turn:t.example", 3478, "udp", False),
        ("turn:t.example?transport=tcp", 3478, "tcp", False),
        ("turns:t.example:443?transport=tcp", 443, "tcp", True),
        ("turns:t.example", 5349, "tcp", True),
    ],
)
def test_turn_url(url: str, port: int, transport: str, is_tls: bool) -> None:
    expected = TurnServer("t.example", port, transport, is_tls, "user", "secret")
    assert parse_ice_servers([servers(url)]).turn == (expected,)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org", "not of the form"),
        ("stun:", "not of the form"),
        ("stun:host:0", "0 is not a port"),
        ("stun:host:70000", "70000 is not a port"),
        ("stun:host?transport=udp", "takes no transport"),
        ("stuns:host", "STUN over TLS"),
        ("turn:host?transport=sctp", "neither udp nor tcp"),
        ("turns:host?transport=udp", "TURN over DTLS"),
    ],
)
def test_unusable_url_is_skipped_with_its_reason(url: str, reason: str) -> None:
    parsed = parse_ice_servers([servers(url, "stun:good.example")])
    assert parsed.stun == (StunServer("good.example", 3478),)
    assert not parsed.turn
    (problem,) = parsed.problems
    assert url in problem
    assert reason in problem


def test_turn_without_credentials_is_skipped() -> None:
    parsed = parse_ice_servers([servers("turn:host", username="", credential="")])
    assert not parsed.turn
    assert "without user name or credential" in parsed.problems[0]


def test_each_server_counts_once_and_order_is_kept() -> None:
    parsed = parse_ice_servers([servers("stun:b", "stun:a"), servers("stun:b:3478")])
    assert [server.host for server in parsed.stun] == ["b", "a"]


def test_credential_never_shows() -> None:
    given = servers("turn:host")
    parsed = parse_ice_servers([given])
    assert "secret" not in repr(given) + repr(parsed) + str(parsed.turn[0])
