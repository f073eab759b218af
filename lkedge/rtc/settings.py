# lkedge: pure
"""What a transport is told, and the states it reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lkedge.terms import IceServer


class TransportState(Enum):
    """Life of a transport: ICE path and DTLS together."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """The peer has been silent for some seconds; it may come back, an ICE restart helps."""
    FAILED = "failed"
    """No path: consent has expired, or ICE or DTLS failed. An ICE restart may still help unless DTLS is gone."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Which addresses may be used.

    servers: STUN and TURN servers, in order of preference.
    force_relay: use nothing but TURN.
    loopback: 127.0.0.1 is a local candidate too, for a server on this machine.
    ipv6: IPv6 host addresses are candidates too.
    """

    servers: tuple[IceServer, ...] = ()
    force_relay: bool = False
    loopback: bool = False
    ipv6: bool = False


@dataclass(frozen=True, slots=True)
class ConsentTimings:
    """When to ask the peer whether it still listens, and what its silence means.

    interval_s: pause between checks that are answered, randomized by +-20 %.
    retry_s: pause between checks while one is unanswered, so that a few lost datagrams are no silence.
    silence_s: without a valid answer for so long the path is DISCONNECTED.
    expiry_s: without a valid answer for so long we must stop sending (RFC 7675, section 5.1).
    """

    interval_s: float = 2.5
    retry_s: float = 0.5
    silence_s: float = 4.5
    expiry_s: float = 30.0


@dataclass(frozen=True, slots=True)
class TransportTimings:
    """Deadlines of a transport, in seconds.

    overlap_s: how long the old path goes on receiving after an ICE restart.
    gather_s: how long one STUN or TURN server may take.
    """

    answer_s: float = 10.0
    ice_s: float = 15.0
    dtls_s: float = 10.0
    overlap_s: float = 2.0
    gather_s: float = 5.0
    consent: ConsentTimings = ConsentTimings()
