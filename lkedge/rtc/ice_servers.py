# lkedge: pure
"""STUN and TURN servers from their URLs (RFC 7064, RFC 7065).

A URL that cannot be used is skipped with a reason; it never stops a session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lkedge.terms import IceServer

PLAIN_PORT = 3478
TLS_PORT = 5349

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9a-f:.]+\]|[^\s:?/\[\]@]+)(?::(?P<port>\d{1,5}))?(?:\?transport=(?P<transport>\w+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StunServer:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TurnServer:
    """transport: "udp" or "tcp", how we reach the server; what it relays is always UDP."""

    host: str
    port: int
    transport: str
    is_tls: bool
    username: str
    credential: str = field(repr=False)

    def __str__(self) -> str:
        return f"{'turns' if self.is_tls else 'turn'}:{self.host}:{self.port}?transport={self.transport}"


@dataclass(frozen=True, slots=True)
class ServerList:
    """problems: one sentence for each URL that was skipped."""

    stun: tuple[StunServer, ...]
    turn: tuple[TurnServer, ...]
    problems: tuple[str, ...]


class _Unusable(Exception):
    pass


def parse_ice_servers(servers: Iterable[IceServer]) -> ServerList:
    """Every usable server in order, each once, and the reasons for the others."""
    stun: list[StunServer] = []
    turn: list[TurnServer] = []
    problems: list[str] = []
    for server in servers:
        for url in server.urls:
            try:
                parsed = _parse(url, server)
            except _Unusable as exc:
                problems.append(f"ICE server {url!r} is skipped: {exc}")
                continue
            if isinstance(parsed, StunServer):
                stun.append(parsed)
            else:
                turn.append(parsed)
    return ServerList(tuple(dict.fromkeys(stun)), tuple(dict.fromkeys(turn)), tuple(problems))


def _parse(url: str, server: IceServer) -> StunServer | TurnServer:
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise _Unusable("it is not of the form stun:HOST[:PORT] or turn:HOST[:PORT][?transport=udp|tcp]")
    scheme = match["scheme"].lower()
    host = match["host"].strip("[]")
    port = _port(match["port"], TLS_PORT if scheme.endswith("s") else PLAIN_PORT)
    if scheme.startswith("stun"):
        return _stun(scheme, host, port, match["transport"])
    return _turn(scheme, host, port, match["transport"], server)


def _port(text: str | None, default: int) -> int:
    port = int(text) if text else default
    if not 0 < port < 65536:
        raise _Unusable(f"{port} is not a port number")
    return port


def _stun(scheme: str, host: str, port: int, transport: str | None) -> StunServer:
    if scheme == "stuns":
        raise _Unusable("STUN over TLS is not supported; stun: needs no protection")
    if transport is not None:
        raise _Unusable("a STUN URL takes no transport (RFC 7064)")
    return StunServer(host, port)


def _turn(scheme: str, host: str, port: int, transport: str | None, server: IceServer) -> TurnServer:
    is_tls = scheme == "turns"
    transport = (transport or ("tcp" if is_tls else "udp")).lower()
    if transport not in ("udp", "tcp"):
        raise _Unusable(f"transport {transport!r} is neither udp nor tcp")
    if is_tls and transport == "udp":
        raise _Unusable("TURN over DTLS is not supported; use ?transport=tcp")
    if not server.username or not server.credential:
        raise _Unusable("it comes without user name or credential")
    return TurnServer(host, port, transport, is_tls, server.username, server.credential)
