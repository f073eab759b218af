"""The SFU's end of one ICE and DTLS transport on loop-back, on aioice and aiortc.

The SFU is ICE controlled and DTLS client towards a publisher, as livekit-server is; for
the subscriber connection, which it offers, it is controlling. An ICE restart replaces the
ICE connection and keeps DTLS. `Gate` makes the path dead in both directions, connectivity
checks included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aioice
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from lkedge.testing.sfu_answer import LocalEnd
from lkedge.testing.sfu_sdp import Description

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 2048
MAX_DATAGRAM_BYTES = 1500
CONNECT_TIMEOUT_S = 20.0
HANDSHAKE_TIMEOUT_S = 10.0


class Gate:
    """Lets datagrams through, or not. Shared by all connections of a participant."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._dead_until_ns = 0
        self.heard_ns = now_ns()
        """When anything at all came in last."""

    def close_for(self, seconds: float) -> None:
        """Lose everything in both directions for that long."""
        self._dead_until_ns = self._now_ns() + round(seconds * 1e9)

    @property
    def is_open(self) -> bool:
        return self._now_ns() >= self._dead_until_ns

    def heard(self) -> None:
        self.heard_ns = self._now_ns()


class LoopbackIce(aioice.Connection):
    """An ICE agent with host candidates of the loop-back interface only, behind a gate."""

    def __init__(self, gate: Gate, host: str, *, ice_controlling: bool) -> None:
        super().__init__(ice_controlling=ice_controlling)
        self._gate = gate
        self._host = host

    async def gather_candidates(self) -> None:
        self._local_candidates_start = True
        self._local_candidates = await self.get_component_candidates(component=1, addresses=[self._host])
        self._local_candidates_end = True
        for protocol in self._protocols:
            _put_behind(self._gate, protocol)


def _put_behind(gate: Gate, protocol: Any) -> None:
    """Replace both ends of a StunProtocol; asyncio looks the method up for every datagram."""
    receive, send = protocol.datagram_received, protocol.transport.sendto

    def datagram_received(data: bytes, addr: tuple[Any, ...]) -> None:
        if gate.is_open:
            gate.heard()
            receive(data, addr)

    def sendto(data: bytes, addr: tuple[str, int] | None = None) -> None:
        if gate.is_open:
            send(data, addr)

    protocol.datagram_received = datagram_received
    protocol.transport = _GatedTransport(protocol.transport, sendto)


class _GatedTransport:
    def __init__(self, transport: asyncio.DatagramTransport, sendto: Callable[..., None]) -> None:
        self._transport = transport
        self.sendto = sendto

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Link:
    """What DTLS sees below it: one queue, whatever ICE connection feeds it."""

    def __init__(self, role: str) -> None:
        self.role = role
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_LIMIT)
        self._connection: aioice.Connection | None = None

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("closed")
        return data

    async def _send(self, data: bytes) -> None:
        if self._connection is None:
            raise ConnectionError("not connected")
        await self._connection.send(data)

    def use(self, connection: aioice.Connection) -> None:
        self._connection = connection

    def push(self, data: bytes) -> None:
        if 0 < len(data) <= MAX_DATAGRAM_BYTES and not self._queue.full():
            self._queue.put_nowait(data)

    def end(self) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class _Dtls(RTCDtlsTransport):
    """Hands decrypted packets to us instead of to aiortc's receivers."""

    def __init__(self, link: _Link, on_rtp: Callable[[bytes], list[bytes]], on_rtcp: Callable[[bytes], None]) -> None:
        super().__init__(link, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        for answer in self._on_rtp(data):
            await self._send_rtp(answer)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_rtcp(data)


class SfuTransport:
    """One transport of one participant. Owned by the event loop.

    on_rtp: takes a decrypted RTP packet, returns RTCP to send. on_rtcp: takes RTCP.
    is_lost: whether an RTP packet, still encrypted, is to be lost.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        host: str = "127.0.0.1",
        is_offerer: bool = False,
        on_rtp: Callable[[bytes], list[bytes]] = lambda _data: [],
        on_rtcp: Callable[[bytes], None] = lambda _data: None,
        is_lost: Callable[[bytes], bool] = lambda _data: False,
    ) -> None:
        self._gate = gate
        self._is_lost = is_lost
        self._host = host
        self._is_offerer = is_offerer
        self._link = _Link("controlling" if is_offerer else "controlled")
        self._dtls = _Dtls(self._link, on_rtp, on_rtcp)
        self._ice: LoopbackIce | None = None
        self._old: list[LoopbackIce] = []
        self._pumps: list[asyncio.Task[None]] = []
        self._remote_ufrag = ""
        self._early: list[aioice.Candidate] = []
        self.restarts = 0

    @property
    def is_connected(self) -> bool:
        return self._dtls.state == "connected"

    def is_restart(self, remote: Description) -> bool:
        """The other side has new ICE credentials."""
        return bool(self._remote_ufrag) and remote.ufrag != self._remote_ufrag

    async def prepare(self) -> LocalEnd:
        """A new ICE agent with its candidates; the first one, or one for a restart."""
        if self._ice is not None:
            self._old.append(self._ice)
            self.restarts += 1
        self._ice = LoopbackIce(self._gate, self._host, ice_controlling=self._is_offerer)
        await self._ice.gather_candidates()
        return self.local()

    def local(self) -> LocalEnd:
        """Our half, for an offer or answer."""
        assert self._ice is not None
        fingerprints = self._dtls.getLocalParameters().fingerprints
        sha256 = next(item.value for item in fingerprints if item.algorithm == "sha-256")
        candidates = tuple(candidate.to_sdp() for candidate in self._ice.local_candidates)
        return LocalEnd(self._ice.local_username, self._ice.local_password, sha256, candidates)

    async def connect(self, remote: Description) -> bool:
        """ICE, and DTLS the first time. False when it failed."""
        ice = self._ice
        assert ice is not None
        self._remote_ufrag = remote.ufrag
        ice.remote_username, ice.remote_password = remote.ufrag, remote.pwd
        await self._add_candidates(ice, remote)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await ice.connect()
        except (ConnectionError, TimeoutError) as exc:
            logger.debug("loop-back SFU: ICE failed: %r", exc)
            return False
        self._link.use(ice)
        self._pumps.append(asyncio.create_task(self._pump(ice), name="sfu.pump"))
        return await self._handshake(remote)

    async def add_candidate(self, candidate: str) -> None:
        """One trickled candidate, with or without "candidate:"; before the offer it waits."""
        try:
            parsed = aioice.Candidate.from_sdp(candidate.removeprefix("candidate:"))
        except ValueError:
            return
        if self._ice is None or not self._remote_ufrag:
            self._early.append(parsed)
        elif parsed.transport.lower() == "udp":
            await self._ice.add_remote_candidate(parsed)

    async def send_rtcp(self, data: bytes) -> None:
        """Protect and send; dropped while there is no connection."""
        try:
            await self._dtls._send_rtp(data)
        except ConnectionError:
            logger.debug("loop-back SFU: RTCP not sent, the transport is down")

    async def close(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        await self._dtls.stop()
        self._link.end()
        for ice in [*self._old, *([self._ice] if self._ice else [])]:
            await ice.close()

    async def _add_candidates(self, ice: LoopbackIce, remote: Description) -> None:
        texts = [text for section in remote.sections[:1] for text in section.candidates]
        early, self._early = self._early, []
        for candidate in [*(aioice.Candidate.from_sdp(text) for text in texts), *early]:
            if candidate.transport.lower() == "udp" and candidate.component == 1:
                await ice.add_remote_candidate(candidate)

    async def _handshake(self, remote: Description) -> bool:
        if self._dtls.state != "new":
            return self.is_connected
        self._dtls._set_role("client" if self._is_passive(remote) else "server")
        texts = next((section.fingerprints for section in remote.sections if section.fingerprints), ())
        fingerprints = [RTCDtlsFingerprint(*text.split(" ", 1)) for text in texts]
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await self._dtls.start(RTCDtlsParameters(fingerprints))
        except (ConnectionError, TimeoutError) as exc:
            logger.debug("loop-back SFU: DTLS failed: %r", exc)
        return self.is_connected

    def _is_passive(self, remote: Description) -> bool:
        """The other side waits for our handshake: always for an offer, as our answer says active."""
        return not self._is_offerer or remote.sections[0].setup == "passive"

    async def _pump(self, ice: LoopbackIce) -> None:
        try:
            while True:
                data = await ice.recv()
                if not (_is_rtp(data) and self._is_lost(data)):
                    self._link.push(data)
        except ConnectionError:
            logger.debug("loop-back SFU: an ICE connection ended")


def _is_rtp(data: bytes) -> bool:
    """RTP, not RTCP, DTLS or STUN (RFC 7983; RFC 5761, section 4)."""
    return len(data) > 12 and 128 <= data[0] < 192 and not 192 <= data[1] <= 223
