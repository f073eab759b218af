"""aioice as we need it: the one module that touches its undocumented names.

Changes to `aioice.Connection`: host candidates at once and others when they come, loopback
addresses, incoming data handed over without aioice's unbounded queue, malformed datagrams
that cannot reach the event loop's exception handler, and consent checks that tolerate a
long round trip (aiortc.md, section 4).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

import aioice
from aioice import ice, stun
from aioice.candidate import candidate_foundation, candidate_priority

from lkedge.rtc.adapter import require_attributes
from lkedge.rtc.candidates import RemoteCandidate
from lkedge.rtc.consent import Liveness
from lkedge.rtc.consent_checker import ConsentCheck, ConsentChecker
from lkedge.rtc.ice_protocol import IceProtocol, open_protocol
from lkedge.rtc.ice_servers import StunServer, TurnServer
from lkedge.rtc.send_target import SendTarget
from lkedge.rtc.settings import ConsentTimings

logger = logging.getLogger(__name__)

TESTED_AIOICE = ">=0.13,<0.14"
LOOPBACK = "127.0.0.1"
CLOSE_S = 1.0
MAX_LOCAL_PREFERENCE = 65_535
"""Addresses are preferred in the order given (RFC 8445, section 5.1.2.1)."""

_CLASS_NAMES = ("check_complete", "build_request", "data_received", "protocol_lost", "query_consent", "sort_check_list")
_INSTANCE_NAMES = (
    "_add_remote_candidate",
    "_closing",
    "_end_remote_candidates",
    "_check_list_done",
    "_local_candidates",
    "_local_candidates_start",
    "_local_candidates_end",
    "_nominated",
    "_pair_remote_candidate",
    "_protocols",
    "_query_consent_task",
    "_remote_candidates",
    "_remote_candidates_end",
    "_transport_policy",
)
require_attributes(aioice.Connection, _CLASS_NAMES, "aioice", aioice.__version__, TESTED_AIOICE)
require_attributes(
    ice,
    ("candidate_pair_priority", "get_host_addresses", "relayed_candidate"),
    "aioice",
    aioice.__version__,
    TESTED_AIOICE,
)


class IceConnection(aioice.Connection):  # type: ignore[misc,unused-ignore]
    """One ICE generation: its sockets, its checks, its consent. Owned by the event loop.

    target: where to send, None until a pair is nominated.
    on_data: called with each datagram that is not STUN.
    on_liveness: called when the peer's answers stop, come back, or consent expires.
    """

    def __init__(
        self,
        *,
        is_controlling: bool,
        is_relay_only: bool,
        consent: ConsentTimings,
        on_data: Callable[[bytes], None],
        on_liveness: Callable[[Liveness], None],
    ) -> None:
        policy = aioice.TransportPolicy.RELAY if is_relay_only else aioice.TransportPolicy.ALL
        super().__init__(ice_controlling=is_controlling, components=1, transport_policy=policy)
        require_attributes(self, _INSTANCE_NAMES, "aioice", aioice.__version__, TESTED_AIOICE)
        self.target: SendTarget | None = None
        self._on_data = on_data
        self._on_liveness = on_liveness
        self._consent_timings = consent

    @property
    def candidate_lines(self) -> tuple[str, ...]:
        """Our candidates so far, without "candidate:"."""
        return tuple(candidate.to_sdp() for candidate in self._local_candidates)

    @property
    def has_hosts(self) -> bool:
        """Whether any socket of ours could be bound."""
        return any(candidate.type == "host" for candidate in self._local_candidates)

    @property
    def is_settled(self) -> bool:
        """Connected, failed or closed: further candidates are of no use."""
        return bool(self._check_list_done or self._closing)

    @property
    def pair_name(self) -> str:
        """The nominated pair, for logs."""
        pair = self._nominated.get(1)
        if pair is None:
            return "no pair"
        local = pair.local_candidate
        return f"{local.type} {local.host}:{local.port} -> {pair.remote_addr[0]}:{pair.remote_addr[1]}"

    async def gather_hosts(self, addresses: list[str]) -> None:
        """Open one socket per address. Addresses that cannot be bound are left out."""
        self._local_candidates_start = True
        for address in addresses:
            try:
                await self._bind(address)
            except OSError as exc:
                logger.debug("no candidate on %s: %s", address, exc)
        self._local_candidates_end = True

    async def query_server_reflexive(self, server: StunServer) -> list[str]:
        """Ask a STUN server for our addresses outside. server.host must be an IPv4 address.

        Returns:
            The new candidate lines.
        """
        protocols = [p for p in self._protocols if _may_reach(p.local_candidate, server.host)]
        answers = await asyncio.gather(*(self._query(p, server) for p in protocols), return_exceptions=True)
        return [line for line in answers if isinstance(line, str)]

    async def add_relay(self, server: TurnServer) -> str | None:
        """Allocate at a TURN server and try to reach the peer through it.

        Returns:
            The candidate line, None when it is not needed any more.
        """
        candidate, protocol = await ice.relayed_candidate(
            component=1,
            hide_related_address=self._transport_policy is aioice.TransportPolicy.RELAY,
            protocol_factory=lambda: IceProtocol(self),
            turn_server=(server.host, server.port),
            turn_username=server.username,
            turn_password=server.credential,
            turn_ssl=server.is_tls,
            turn_transport=server.transport,
        )
        if self.is_settled:
            await protocol.close()
            return None
        self._local_candidates.append(candidate)
        self._protocols.append(protocol)
        for remote in self._remote_candidates:
            self._pair_remote_candidate(remote)
        self.sort_check_list()
        return candidate.to_sdp()

    def add_remote(self, candidate: RemoteCandidate) -> None:
        """Take a usable candidate of the peer; after `end_remote` or `close` it is ignored."""
        if self._closing or self._remote_candidates_end:
            return
        remote = aioice.Candidate(
            foundation=candidate.foundation,
            component=candidate.component,
            transport=candidate.transport,
            priority=candidate.priority,
            host=candidate.host,
            port=candidate.port,
            type=candidate.type,
        )
        self._add_remote_candidate(remote, candidate.host)

    def end_remote(self) -> None:
        """No more candidates will come from either side: `connect` may fail now."""
        if not self._closing and not self._remote_candidates_end:
            self._remote_candidates_end = True
            self._end_remote_candidates()

    def check_complete(self, pair: ice.CandidatePair) -> None:
        """A connectivity check is done (overrides aioice).

        We nominate whatever answers; of several pairs both sides use that of the highest
        priority (RFC 5245, section 8.1.1.2), where aioice would use the last.
        """
        before = self._nominated.get(1)
        super().check_complete(pair)
        nominated = self._nominated.get(1)
        if nominated is None or self._closing:
            return
        if before is not None and self._priority(before) > self._priority(nominated):
            self._nominated[1] = nominated = before
        self.target = cast(IceProtocol, nominated.protocol).target(nominated.remote_addr)

    def data_received(self, data: bytes, component: int) -> None:
        """A datagram that is not STUN (overrides aioice)."""
        self._on_data(data)

    def protocol_lost(self, protocol: ice.StunProtocol) -> None:
        """A socket or TURN allocation is gone (overrides aioice)."""
        nominated = self._nominated.get(1)
        if nominated is not None and nominated.protocol is protocol and not self._closing:
            self.target = None
            if self._query_consent_task is not None:
                self._query_consent_task.cancel()
            self._on_liveness(Liveness.EXPIRED)

    async def query_consent(self) -> None:
        """Check consent until it expires (overrides aioice, which gives an answer 0.5 s)."""
        checker = ConsentChecker(self._consent_timings, self._send_check, self._on_liveness)
        await checker.run()
        self.target = None

    async def close(self) -> None:
        """Close all sockets and give up TURN allocations.

        A TURN server that does not answer is not waited for; its allocation expires by itself.
        """
        self.target = None
        try:
            async with asyncio.timeout(CLOSE_S):
                await super().close()
        except TimeoutError:
            logger.debug("a TURN server did not confirm the end of its allocation within %g s", CLOSE_S)

    def _send_check(self, check: ConsentCheck) -> None:
        pair, password = self._nominated.get(1), self.remote_password
        if pair is None or password is None:
            return
        request = self.build_request(pair, nominate=False)
        request.add_message_integrity(password.encode())
        check.expect(password.encode(), pair.remote_addr, pair.protocol.transactions, request.transaction_id)
        pair.protocol.send_stun(request, pair.remote_addr)

    def _priority(self, pair: ice.CandidatePair) -> int:
        return ice.candidate_pair_priority(pair.local_candidate, pair.remote_candidate, self.ice_controlling)

    async def _bind(self, address: str) -> None:
        protocol = await open_protocol(self, address)
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        protocol.local_candidate = aioice.Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "host", MAX_LOCAL_PREFERENCE - len(self._protocols)),
            host=host,
            port=port,
            type="host",
        )
        self._protocols.append(protocol)
        self._local_candidates.append(protocol.local_candidate)

    async def _query(self, protocol: ice.StunProtocol, server: StunServer) -> str | None:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        response, _ = await protocol.request(request, (server.host, server.port))
        host, port = response.attributes["XOR-MAPPED-ADDRESS"]
        base = protocol.local_candidate
        known = {(candidate.host, candidate.port) for candidate in self._local_candidates}
        if (host, port) in known:
            return None
        candidate = aioice.Candidate(
            foundation=candidate_foundation("srflx", "udp", base.host),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "srflx"),
            host=host,
            port=port,
            type="srflx",
            related_address=base.host,
            related_port=base.port,
        )
        self._local_candidates.append(candidate)
        return candidate.to_sdp()


def host_addresses(*, ipv6: bool, loopback: bool) -> list[str]:
    """Addresses of this machine for host candidates, loopback first when wanted."""
    addresses: list[str] = ice.get_host_addresses(use_ipv4=True, use_ipv6=ipv6)
    return [LOOPBACK, *addresses] if loopback else addresses


def _may_reach(candidate: aioice.Candidate, host: str) -> bool:
    is_local = candidate.host.startswith("127.")
    return candidate.type == "host" and ":" not in candidate.host and is_local == host.startswith("127.")
