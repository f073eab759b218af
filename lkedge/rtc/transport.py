"""ICE paths, one after the other, under one DTLS association: what both directions share."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.errors import TransportError
from lkedge.rtc.candidates import MAX_REMOTE_CANDIDATES, RemoteCandidate, candidate_init, candidate_of_init
from lkedge.rtc.consent import Liveness
from lkedge.rtc.ice_servers import parse_ice_servers
from lkedge.rtc.link import IceLink
from lkedge.rtc.sdp_parser import Fingerprint, RemoteDescription
from lkedge.rtc.settings import IceSettings, TransportState, TransportTimings
from lkedge.terms import IceServer, Mid

if TYPE_CHECKING:
    from lkedge.rtc.dtls import DtlsTransport
    from lkedge.rtc.ice import IcePath

logger = logging.getLogger(__name__)

_STATE_OF = {
    Liveness.ALIVE: TransportState.CONNECTED,
    Liveness.SILENT: TransportState.DISCONNECTED,
    Liveness.EXPIRED: TransportState.FAILED,
}


class IceDtlsTransport:
    """Owns the link, the DTLS association, the current path and the one being made.

    Owned by the event loop. name: for logs. state: see TransportState; each change is
    reported to `on_state`. dtls: None before the first handshake.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: IceSettings,
        timings: TransportTimings,
        is_controlling: bool,
        on_rtcp: Callable[[bytes], None],
        on_state: Callable[[TransportState], None],
        on_candidate: Callable[[str | None], None],
    ) -> None:
        self.state = TransportState.NEW
        self.dtls: DtlsTransport | None = None
        self._name = name
        self._configured = self._settings = settings
        self._timings = timings
        self._is_controlling = is_controlling
        self._on_rtcp = on_rtcp
        self._on_state = on_state
        self._on_candidate = on_candidate
        self._link = IceLink("controlling" if is_controlling else "controlled")
        self._pending: IcePath | None = None
        self._early: deque[RemoteCandidate] = deque(maxlen=MAX_REMOTE_CANDIDATES)
        self._is_over = False
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._retiring: set[asyncio.Task[None]] = set()
        self.use_servers(settings.servers)

    @property
    def path(self) -> IcePath | None:
        """The path in use; None before the first and after the end."""
        return self._link.path

    @property
    def is_usable(self) -> bool:
        """False once DTLS is gone or the transport closed: only a new transport helps then."""
        return not self._is_over

    @property
    def dropped(self) -> int:
        """Received datagrams of impossible length or beyond the queue's bound."""
        return self._link.dropped

    def use_servers(self, servers: tuple[IceServer, ...], *, force_relay: bool = False) -> None:
        """Use these STUN and TURN servers from the next path on; force_relay adds to what is configured."""
        self._settings = replace(self._configured, force_relay=self._configured.force_relay or force_relay)
        self._servers = parse_ice_servers(servers)
        for problem in self._servers.problems:
            logger.info("%s", problem)

    def fingerprint(self) -> Fingerprint:
        """Of our certificate; the first call imports aiortc."""
        from lkedge.rtc.dtls import certificate_fingerprint

        return certificate_fingerprint()

    async def open_path(self) -> IcePath:
        """Begin a new ICE generation with its host candidates gathered; `establish` or `abandon` it."""
        from lkedge.rtc.ice import IcePath

        self._require_usable()
        path = IcePath(
            self._settings,
            self._servers,
            self._timings,
            is_controlling=self._is_controlling,
            on_data=self._link.deliver,
            on_liveness=self._liveness_changed,
            on_candidate=lambda line: self._trickle(path, line),
        )
        self._pending = path
        while self._early:
            path.add_remote(self._early.popleft())
        await path.gather()
        return path

    async def abandon(self, path: IcePath) -> None:
        """Give up a path that was opened and not established."""
        if self._pending is path:
            self._pending = None
        if self._link.path is path:
            self._link.path = None
        await path.close()

    async def establish(self, path: IcePath, remote: RemoteDescription) -> None:
        """Connect `path` to the peer and send over it from now on; the first time with DTLS.

        The old path goes on receiving for a moment. When this fails, the old path stays.

        Raises:
            TransportError: ICE or DTLS failed, or the peer is another one than before.
        """
        self._require_usable()
        is_first = self.dtls is None
        if is_first:
            self._set_state(TransportState.CONNECTING)
        try:
            self._require_same_peer(remote)
            await path.connect(remote)
            self._require_usable()
            self._switch_to(path)
            if is_first:
                await self._handshake(remote)
        except TransportError:
            if is_first:
                self._set_state(TransportState.FAILED)
            raise
        self._set_state(TransportState.CONNECTED)
        logger.info("%s transport uses %s", self._name, path.connection.pair_name)

    def add_remote_candidate(self, init: str) -> None:
        """Take a trickled candidate (candidateInit JSON); nonsense is ignored."""
        try:
            candidate = candidate_of_init(init)
        except ValueError as exc:
            logger.debug("ignored a trickled candidate: %s", exc)
            return
        if candidate is not None:
            self._add_remote(candidate)

    def end_of_remote_candidates(self) -> None:
        """The peer will trickle no more."""
        path = self._pending or self.path
        if path is not None:
            path.end_remote()

    async def close(self) -> None:
        """Say goodbye to the peer and give up everything. Idempotent."""
        if self.state is TransportState.CLOSED:
            return
        self._is_over = True
        self._set_state(TransportState.CLOSED)
        for task in self._retiring:
            task.cancel()
        if self.dtls is not None:
            await self.dtls.close()
        paths = [path for path in (self._pending, self.path) if path is not None]
        self._pending = None
        self._link.close()
        await asyncio.gather(*(path.close() for path in paths), *self._retiring, return_exceptions=True)

    def _add_remote(self, candidate: RemoteCandidate) -> None:
        for path in (self._pending, self.path):
            if path is not None and candidate.ufrag in ("", path.remote_ufrag):
                path.add_remote(candidate)
                return
        if self._pending is not None and not self._pending.remote_ufrag:
            self._pending.add_remote(candidate)
        else:
            self._early.append(candidate)

    async def _handshake(self, remote: RemoteDescription) -> None:
        from lkedge.rtc.dtls import DtlsTransport

        self.dtls = DtlsTransport(self._link, self._on_rtcp, self._dtls_lost)
        self._fingerprints = remote.fingerprints
        # A peer that leaves the choice to us ("actpass") finds us active, as RFC 5763, section 5 asks.
        is_server = remote.setup == "active"
        try:
            await self.dtls.handshake(remote.fingerprints, is_server=is_server, timeout_s=self._timings.dtls_s)
        except TransportError:
            self._is_over = True
            raise

    def _switch_to(self, path: IcePath) -> None:
        old, self._link.path = self._link.path, path
        if self._pending is path:
            self._pending = None
        if old is not None:
            task = asyncio.create_task(self._retire(old), name=f"{self._name}-old-path")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _retire(self, path: IcePath) -> None:
        try:
            await asyncio.sleep(self._timings.overlap_s)
        finally:
            await path.close()

    def _trickle(self, path: IcePath, line: str | None) -> None:
        if path in (self._pending, self.path):
            ufrag = path.connection.local_username
            self._on_candidate(None if line is None else candidate_init(line, Mid("0"), ufrag))

    def _liveness_changed(self, path: IcePath, liveness: Liveness) -> None:
        if path is self.path and self.is_usable:
            if liveness is not Liveness.ALIVE:
                logger.warning("%s transport: the server is silent on %s", self._name, path.connection.pair_name)
            self._set_state(_STATE_OF[liveness])

    def _dtls_lost(self) -> None:
        logger.warning("%s transport: the server ended DTLS", self._name)
        self._is_over = True
        self._set_state(TransportState.FAILED)

    def _set_state(self, state: TransportState) -> None:
        if state is not self.state and self.state is not TransportState.CLOSED:
            self.state = state
            self._on_state(state)

    def _require_usable(self) -> None:
        if not self.is_usable:
            raise TransportError(f"the {self._name} transport is over ({self.state.value}); a new connection is needed")

    def _require_same_peer(self, remote: RemoteDescription) -> None:
        if self._fingerprints and not set(self._fingerprints) & set(remote.fingerprints):
            raise TransportError(
                f"the server answered the {self._name} transport with another DTLS certificate; it has forgotten us, "
                "a new connection is needed"
            )
