"""The server's end of a connection: plain aioice and aiortc's RTCDtlsTransport, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aioice
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc import sdp as oracle
from aiortc.rtp import RtpPacket

ADDRESS = "127.0.0.1"
TCP_CANDIDATE = f"1 1 tcp 1671430143 {ADDRESS} 7881 typ host tcptype passive"


class _Link:
    def __init__(self, role: str) -> None:
        self.role = role
        self.connection: aioice.Connection | None = None
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        assert self.connection is not None
        await self.connection.send(data)


class _Dtls(RTCDtlsTransport):
    def __init__(self, link: _Link, peer: TransportPeer) -> None:
        super().__init__(link, [peer.certificate])  # type: ignore[arg-type]
        self._peer = peer

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._peer.rtp.put_nowait(RtpPacket.parse(data))

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._peer.rtcp.put_nowait(data)


class TransportPeer:
    """Answers offers as livekit-server does, and receives; or offers, as its subscriber connection.

    rejects: indices of sections to reject, in Pion's way.
    trickle: when set, candidates go there as candidateInit and not into the answer.
    is_tcp_only: give nothing but a TCP candidate.
    """

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
        self.rejects: set[int] = set()
        self.trickle: Callable[[str], None] | None = None
        self.is_tcp_only = False
        self.offers: list[str] = []
        self.rtp: asyncio.Queue[RtpPacket] = asyncio.Queue()
        self.rtcp: asyncio.Queue[bytes] = asyncio.Queue()
        self.handshakes = 0
        self.connections: list[aioice.Connection] = []
        self._link: _Link | None = None
        self.dtls: _Dtls | None = None
        self._ufrag = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str) -> str:
        """What a client's `exchange` returns."""
        self.offers.append(offer)
        session: Any = oracle.SessionDescription.parse(offer)
        first = session.media[0]
        if first.ice.usernameFragment != self._ufrag:
            connection = await self._open(is_controlling=False)
            self._ufrag = str(first.ice.usernameFragment)
            self._start(connection, first, dtls_role="client")
        return self._text(list(session.media), "active")

    async def offer(self) -> str:
        """A subscriber offer of a new ICE generation; give the client's answer to `accept`."""
        await self._open(is_controlling=True)
        return self._text(["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"], "actpass")

    def accept(self, answer: str) -> None:
        session: Any = oracle.SessionDescription.parse(answer)
        self._start(self.connections[-1], session.media[0], dtls_role="server")

    async def connected(self) -> None:
        """Until all connecting is done; raises what failed."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def send_rtcp(self, data: bytes) -> None:
        assert self.dtls is not None
        await self.dtls._send_rtp(data)

    def blackhole(self, connection: aioice.Connection) -> Callable[[], None]:
        """Neither hear nor answer on `connection` until the returned function is called."""
        protocol = connection._protocols[0]
        hear = protocol.datagram_received
        protocol.datagram_received = lambda data, addr: None  # type: ignore[method-assign]

        def restore() -> None:
            protocol.datagram_received = hear  # type: ignore[method-assign]

        return restore

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.dtls is not None:
            await self.dtls.stop()
        for connection in self.connections:
            await connection.close()

    async def _open(self, *, is_controlling: bool) -> aioice.Connection:
        connection = aioice.Connection(ice_controlling=is_controlling, components=1)
        connection._local_candidates_start = connection._local_candidates_end = True
        connection._local_candidates += await connection.get_component_candidates(1, [ADDRESS])
        self.connections.append(connection)
        return connection

    def _start(self, connection: aioice.Connection, media: Any, dtls_role: str) -> None:
        connection.remote_username = media.ice.usernameFragment
        connection.remote_password = media.ice.password
        fingerprints = [RTCDtlsFingerprint(f.algorithm, f.value) for f in media.dtls.fingerprints]
        candidates = list(media.ice_candidates)
        self._spawn(self._connect(connection, candidates, fingerprints, dtls_role))

    async def _connect(
        self,
        connection: aioice.Connection,
        candidates: list[Any],
        fingerprints: list[RTCDtlsFingerprint],
        dtls_role: str,
    ) -> None:
        for candidate in candidates:
            line = oracle.candidate_to_sdp(candidate)
            await connection.add_remote_candidate(aioice.Candidate.from_sdp(line))
        await connection.connect()
        if self._link is None:
            self._link = _Link("controlling" if connection.ice_controlling else "controlled")
        self._link.connection = connection
        self._spawn(self._pump(connection, self._link), is_background=True)
        if self.dtls is None:
            self.handshakes += 1
            self.dtls = _Dtls(self._link, self)
            self.dtls._set_role(dtls_role)
            await self.dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
            assert self.dtls.state == "connected"

    async def _pump(self, connection: aioice.Connection, link: _Link) -> None:
        try:
            while True:
                link.queue.put_nowait(await connection.recv())
        except ConnectionError:
            return

    def _spawn(self, work: object, *, is_background: bool = False) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        if not is_background:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _text(self, media: list[Any], setup: str) -> str:
        connection = self.connections[-1]
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
        for index, section in enumerate(media):
            if index in self.rejects:
                lines += ["m=video 0 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0"]
                continue
            lines += _section_lines(section, index)
            digest = self.certificate.getFingerprints()[0]
            lines += [f"a=ice-ufrag:{connection.local_username}", f"a=ice-pwd:{connection.local_password}"]
            lines += [f"a=fingerprint:{digest.algorithm} {digest.value}", f"a=setup:{setup}"]
        candidates = [TCP_CANDIDATE] if self.is_tcp_only else [c.to_sdp() for c in connection.local_candidates]
        if self.trickle is None:
            return "\r\n".join([*lines, *(f"a=candidate:{line}" for line in candidates)]) + "\r\n"
        for line in candidates:
            init = {"candidate": f"candidate:{line} ufrag {connection.local_username}", "sdpMid": "0"}
            self.trickle(json.dumps(init))
        return "\r\n".join(lines) + "\r\n"


def _section_lines(section: Any, index: int) -> list[str]:
    if isinstance(section, str):
        return [section, f"a=mid:{index}", "a=sctp-port:5000"]
    direction = "recvonly" if section.direction == "sendonly" else "inactive"
    formats = " ".join(str(number) for number in section.fmt)
    extensions = [f"a=extmap:{extension.id} {extension.uri}" for extension in section.rtp.headerExtensions]
    return [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {formats}",
        f"a=mid:{section.rtp.muxId}",
        f"a={direction}",
        *extensions,
    ]
