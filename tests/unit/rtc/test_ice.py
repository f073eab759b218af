"""One path, without a peer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from lkedge.errors import TransportError
from lkedge.rtc import gathering
from lkedge.rtc.candidates import parse_candidate
from lkedge.rtc.ice import IcePath
from lkedge.rtc.ice_servers import ServerList, StunServer, TurnServer
from lkedge.rtc.sdp_parser import Fingerprint, RemoteDescription
from lkedge.rtc.settings import IceSettings, TransportTimings

NO_SERVERS = ServerList((), (), ())
TIMINGS = TransportTimings(ice_s=0.3, gather_s=0.2)
REMOTE = RemoteDescription("frag", "p" * 22, (Fingerprint("sha-256", "00"),), "active", False, (), False, ())
UDP = "1 1 udp 2130706431 127.0.0.1 9 typ host"
TCP = "1 1 tcp 1671430143 127.0.0.1 7881 typ host tcptype passive"


class Given:
    """A path and what it reported."""

    def __init__(self, settings: IceSettings, servers: ServerList = NO_SERVERS) -> None:
        self.lines: list[str | None] = []
        self.path = IcePath(
            settings,
            servers,
            TIMINGS,
            is_controlling=True,
            on_data=lambda data: None,
            on_liveness=lambda path, liveness: None,
            on_candidate=self.lines.append,
        )


async def test_loopback_is_a_candidate_only_when_wanted() -> None:
    for loopback in (True, False):
        given = Given(IceSettings(loopback=loopback))
        await given.path.gather()
        hosts = [parse_candidate(line).host for line in given.path.connection.candidate_lines]
        assert ("127.0.0.1" in hosts) is loopback
        assert not any(":" in host for host in hosts)
        await given.path.close()


async def test_addresses_are_preferred_in_order() -> None:
    given = Given(IceSettings())
    await given.path.connection.gather_hosts(["127.0.0.1", "127.0.0.2", "192.0.2.254"])
    candidates = [parse_candidate(line) for line in given.path.connection.candidate_lines]
    assert [candidate.host for candidate in candidates] == ["127.0.0.1", "127.0.0.2"]
    assert candidates[0].priority > candidates[1].priority
    await given.path.close()


async def test_only_tcp_candidates_fail_at_once_and_say_so() -> None:
    given = Given(IceSettings(loopback=True))
    await given.path.gather()
    given.path.add_remote(parse_candidate(TCP))
    given.path.end_remote()
    with pytest.raises(TransportError, match="only ICE over TCP"):
        await given.path.connect(REMOTE)
    await given.path.close()


async def test_no_candidates_at_all_fail_at_the_deadline() -> None:
    given = Given(IceSettings(loopback=True))
    await given.path.gather()
    with pytest.raises(TransportError, match=r"no usable UDP candidate$"):
        await given.path.connect(REMOTE)
    await given.path.close()


async def test_relay_without_turn_server_is_named() -> None:
    given = Given(IceSettings(loopback=True, force_relay=True))
    await given.path.gather()
    given.path.add_remote(parse_candidate(UDP))
    given.path.end_remote()
    with pytest.raises(TransportError, match="no TURN server gave us an address"):
        await given.path.connect(REMOTE)
    await given.path.close()


async def test_candidates_of_another_generation_are_ignored() -> None:
    given = Given(IceSettings(loopback=True))
    await given.path.gather()
    given.path.add_remote(parse_candidate(UDP + " ufrag other"))
    given.path.add_remote(parse_candidate(UDP.replace(" 9 ", " 10 ") + " ufrag frag"))
    with pytest.raises(TransportError, match="none of the server's 1 candidates"):
        await given.path.connect(REMOTE)
    await given.path.close()


async def test_unreachable_servers_end_in_time_and_are_only_told_after_the_answer() -> None:
    silent = StunServer("127.0.0.1", 9)
    given = Given(IceSettings(loopback=True), ServerList((silent,), (), ()))
    await given.path.gather()
    assert not given.path.has_all_candidates
    async with asyncio.timeout(2):
        while not given.path.has_all_candidates:
            await asyncio.sleep(0.01)
    assert given.lines == []
    with pytest.raises(TransportError):
        await given.path.connect(REMOTE)
    assert given.lines == [None]
    await given.path.close()


async def test_closing_while_gathering_reports_nothing() -> None:
    silent = TurnServer("127.0.0.1", 9, "udp", False, "user", "secret")
    given = Given(IceSettings(loopback=True), ServerList((), (silent,), ()))
    await given.path.gather()
    await given.path.close()
    await asyncio.sleep(0)
    assert given.lines == []


async def test_host_names_are_looked_up_off_the_loop() -> None:
    assert await gathering.resolve("127.0.0.1", socket.AF_INET) == "127.0.0.1"
    assert await gathering.resolve("localhost", socket.AF_INET) == "127.0.0.1"
    with pytest.raises(OSError, match=r".+"):
        await gathering.resolve("no-such-host.invalid", socket.AF_INET)
