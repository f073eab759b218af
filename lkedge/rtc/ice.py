"""One ICE generation: its candidates, in and out, and the way to a working pair."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lkedge.errors import TransportError
from lkedge.rtc.candidates import MAX_REMOTE_CANDIDATES, RemoteCandidate, parse_candidate, unusable_reason
from lkedge.rtc.consent import Liveness
from lkedge.rtc.gathering import LateGathering
from lkedge.rtc.ice_connection import IceConnection, host_addresses
from lkedge.rtc.ice_servers import ServerList
from lkedge.rtc.sdp_parser import RemoteDescription
from lkedge.rtc.settings import IceSettings, TransportTimings

logger = logging.getLogger(__name__)


class IcePath:
    """One ICE generation, from its first candidate to its last datagram. Owned by the event loop.

    remote_ufrag: the peer's generation, "" until `connect`.
    on_candidate: called with each of our late candidate lines, and with None at their end.
    on_liveness: called with this path whenever its liveness changes.
    """

    def __init__(
        self,
        settings: IceSettings,
        servers: ServerList,
        timings: TransportTimings,
        *,
        is_controlling: bool,
        on_data: Callable[[bytes], None],
        on_liveness: Callable[[IcePath, Liveness], None],
        on_candidate: Callable[[str | None], None],
    ) -> None:
        self.remote_ufrag = ""
        self.connection = IceConnection(
            is_controlling=is_controlling,
            is_relay_only=settings.force_relay,
            consent=timings.consent,
            on_data=on_data,
            on_liveness=lambda liveness: on_liveness(self, liveness),
        )
        self._settings = settings
        self._servers = servers
        self._timings = timings
        self._on_candidate = on_candidate
        self._gathering: LateGathering | None = None
        self._waiting: list[RemoteCandidate] = []
        self._reasons: set[str] = set()
        self._usable = 0
        self._remote_ended = False

    @property
    def has_all_candidates(self) -> bool:
        """Whether the candidates so far are all that will come."""
        return self._gathering is None or self._gathering.is_done

    async def gather(self) -> None:
        """Gather host candidates; STUN and TURN servers are asked meanwhile."""
        relay_only = self._settings.force_relay
        addresses = [] if relay_only else host_addresses(ipv6=self._settings.ipv6, loopback=self._settings.loopback)
        await self.connection.gather_hosts(addresses)
        self._gathering = LateGathering(
            self.connection,
            self._servers,
            self._timings.gather_s,
            on_line=self._on_candidate,
            on_done=self._end_if_complete,
        )
        self._gathering.start()

    def add_remote(self, candidate: RemoteCandidate) -> None:
        """Take a candidate of the peer at any time; those before the answer wait for it."""
        if self.remote_ufrag:
            self._admit(candidate)
        elif len(self._waiting) < MAX_REMOTE_CANDIDATES:
            self._waiting.append(candidate)

    def end_remote(self) -> None:
        """The peer has sent all its candidates."""
        self._remote_ended = True
        self._end_if_complete()

    async def connect(self, remote: RemoteDescription) -> None:
        """Find a working pair with the peer that `remote` describes.

        Raises:
            TransportError: there is none within the deadline.
        """
        self._begin(remote)
        try:
            async with asyncio.timeout(self._timings.ice_s):
                await self.connection.connect()
        except (ConnectionError, TimeoutError) as exc:
            raise TransportError(self._failure()) from exc
        if self._gathering is not None:
            self._gathering.stop()

    def update(self, remote: RemoteDescription) -> None:
        """Take the candidates of a later answer of the same generation."""
        for line in remote.candidates:
            self._add_line(line)

    async def close(self) -> None:
        """Give up sockets and allocations; no callback follows."""
        if self._gathering is not None:
            self._gathering.abandon()
        await self.connection.close()

    def _begin(self, remote: RemoteDescription) -> None:
        self.connection.remote_username, self.connection.remote_password = remote.ufrag, remote.pwd
        self.connection.remote_is_lite = remote.is_ice_lite
        self.remote_ufrag = remote.ufrag
        self.update(remote)
        waiting, self._waiting = self._waiting, []
        for candidate in waiting:
            self._admit(candidate)
        if self._gathering is not None:
            self._gathering.release()
        if remote.has_end_of_candidates or self._remote_ended:
            self.end_remote()

    def _add_line(self, line: str) -> None:
        try:
            self._admit(parse_candidate(line))
        except ValueError as exc:
            logger.debug("ignored a candidate of the server: %s", exc)

    def _admit(self, candidate: RemoteCandidate) -> None:
        if candidate.ufrag not in ("", self.remote_ufrag):
            return
        reason = unusable_reason(candidate)
        if reason is not None:
            self._reasons.add(reason)
        elif self._usable < MAX_REMOTE_CANDIDATES:
            self._usable += 1
            self.connection.add_remote(candidate)

    def _end_if_complete(self) -> None:
        if self._remote_ended and self.remote_ufrag and self.has_all_candidates:
            self.connection.end_remote()

    def _failure(self) -> str:
        if not self.connection.candidate_lines:
            where = "no TURN server gave us an address" if self._settings.force_relay else "this machine has no address"
            return f"ICE failed: {where}; check the network and the ICE servers"
        if self._usable == 0:
            return f"ICE failed: the server gave no usable UDP candidate{self._lock_out()}"
        return (
            f"ICE failed: none of the server's {self._usable} candidates answered within {self._timings.ice_s:g} s; "
            "check that UDP to the server's RTC ports is allowed, or configure TURN"
        )

    def _lock_out(self) -> str:
        if not any("TCP" in reason for reason in self._reasons):
            return "".join(f" ({reason})" for reason in sorted(self._reasons))
        return (
            ", only ICE over TCP, which is not supported: it does so for some minutes after a UDP connection of this "
            "identity has failed; wait five minutes, use another identity, or set rtc.allow_tcp_fallback: false on it"
        )
