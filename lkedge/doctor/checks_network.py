# lkedge: pure
"""Judges the way to the LiveKit server, and what it says to our token."""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.doctor.facts import Facts, Join, Network
from lkedge.doctor.finding import Finding, fail, ok, warn

FAR_MS = 300.0


def check_network(facts: Facts) -> Iterator[Finding]:
    """All of it, in the order of the report; what cannot be tried is left out."""
    network = facts.network
    if not network.host:
        return
    yield from _route(network)
    if network.name_problem:
        yield fail("name", network.name_problem, "check livekit.url, and DNS: `resolvectl status`")
        return
    yield from _tcp(network)
    if not network.tcp_problem:
        yield from _server(network)
    if facts.join is not None:
        yield _join(facts.join)


def _route(network: Network) -> Iterator[Finding]:
    if not network.has_default_route:
        yield warn("network", "there is no default route", "check cable or Wi-Fi: `ip route`, `nmcli device status`")


def _tcp(network: Network) -> Iterator[Finding]:
    if network.tcp_problem:
        yield fail(
            "server",
            network.tcp_problem,
            "is the server running, the port in livekit.url right, and no firewall in between?",
        )
        return
    seen = f"{network.host} answers in {network.tcp_ms:.0f} ms"
    if network.tcp_ms > FAR_MS:
        yield warn("network", seen, "a long or busy way: take a nearer server, or a cable instead of Wi-Fi")
    else:
        yield ok("network", seen)


def _server(network: Network) -> Iterator[Finding]:
    if network.token_problem:
        yield fail("token", network.token_problem, "check the credentials in [livekit]; `lkedge token --help`")
    elif network.server_problem:
        yield fail("server", network.server_problem, "correct what it names, then `lkedge doctor` again")
    elif network.is_validated:
        yield ok("server", "accepts our token for this room")


def _join(join: Join) -> Finding:
    if join.problem:
        ports = "UDP ports 50000 to 60000 (or 7882) or TCP port 7881 of the server"
        return fail("room", join.problem, f"correct what it names; media needs {ports}")
    round_trip = "" if join.round_trip_ms is None else f", round trip {join.round_trip_ms:.0f} ms"
    return ok("room", f"joined and published within {join.seconds:.1f} s{round_trip}")
