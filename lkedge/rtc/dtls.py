"""aiortc as we need it: the one module that touches its undocumented names.

Importing this costs 0.1 to 0.2 s; hence the transports import it only when they start
(`publisher_transport.preload` does so ahead of time).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import pylibsrtp

from lkedge.errors import TransportError
from lkedge.rtc.adapter import UnsuitableLibrary, require_attributes
from lkedge.rtc.dtls_context import dtls_context
from lkedge.rtc.lean_imports import import_aiortc_dtls
from lkedge.rtc.link import IceLink
from lkedge.rtc.sdp_parser import Fingerprint
from lkedge.rtc.send_target import SendTarget
from lkedge.rtc.srtp_batch import SrtpBatch

# Before the name aiortc is imported for the first time.
import_aiortc_dtls()
from aiortc.rtcdtlstransport import (  # noqa: E402
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

logger = logging.getLogger(__name__)

TESTED_AIORTC = ">=1.16,<1.17"
MAX_BACKLOG_BYTES = 256 * 1024
"""Beyond this the socket does not keep up; more would only be late."""

BACKLOG_CHECK_PACKETS = 16
"""Asking for the backlog costs a tenth of sending."""

_CLASS_NAMES = ("_handle_rtcp_data", "_handle_rtp_data", "_set_role", "_recv_next", "_write_ssl")
_INSTANCE_NAMES = ("_tx_srtp", "_rx_srtp", "_task", "_transport")
_INSTALLED = version("aiortc")
require_attributes(RTCDtlsTransport, _CLASS_NAMES, "aiortc", _INSTALLED, TESTED_AIORTC)
require_attributes(RTCCertificate, ("_create_ssl_context",), "aiortc", _INSTALLED, TESTED_AIORTC)


class Certificate(RTCCertificate):
    """One whose handshakes work where no memory may be written and executed."""

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> Any:
        require_attributes(self, ("_key", "_cert"), "aiortc", _INSTALLED, TESTED_AIORTC)
        return dtls_context(self._key, self._cert, srtp_profiles)


CERTIFICATE = Certificate.generateCertificate()
"""Ours, one per process; peers check its fingerprint only, not its dates. Made at import, which
happens once whichever thread comes first: two would offer one fingerprint and show the other."""


@functools.cache
def certificate_fingerprint() -> Fingerprint:
    """SHA-256 of our certificate, for a=fingerprint."""
    digests = {digest.algorithm: digest.value for digest in CERTIFICATE.getFingerprints()}
    return Fingerprint("sha-256", digests["sha-256"])


class DtlsTransport(RTCDtlsTransport):
    """DTLS over an `IceLink`, and SRTP keyed by it. Owned by the event loop.

    on_rtcp: called with each decrypted RTCP datagram; what it raises is logged, not passed on.
    on_lost: called once when the peer ends DTLS or the receive pump dies.
    sent: RTP packets handed to the socket.
    unsent, refused: packets without a path, and packets beyond what the socket or SRTP takes.
    """

    def __init__(self, link: IceLink, on_rtcp: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        super().__init__(link, [CERTIFICATE])  # type: ignore[arg-type]
        require_attributes(self, _INSTANCE_NAMES, "aiortc", _INSTALLED, TESTED_AIORTC)
        self.sent = 0
        self.unsent = 0
        self.refused = 0
        self._link = link
        self._on_rtcp = on_rtcp
        self._on_lost = on_lost
        self._is_up = False
        self._batch: SrtpBatch | None = None
        self._batch_target: SendTarget | None = None
        self._can_batch = True

    async def handshake(self, fingerprints: Sequence[Fingerprint], *, is_server: bool, timeout_s: float) -> None:
        """Do the DTLS handshake and derive the SRTP keys.

        Raises:
            TransportError: it failed or took longer than `timeout_s`.
        """
        self._set_role("server" if is_server else "client")
        known = [RTCDtlsFingerprint(digest.algorithm, digest.value) for digest in fingerprints]
        try:
            async with asyncio.timeout(timeout_s):
                await self.start(RTCDtlsParameters(fingerprints=known))
        except TimeoutError as exc:
            raise TransportError(f"DTLS failed: the server did not finish within {timeout_s:g} s") from exc
        if self.state != "connected":
            raise TransportError("DTLS failed: the server refused, or its certificate is not the one it announced")
        self._is_up = True
        self.on("statechange", self._state_changed)

    def send_rtp(self, data: bytes | bytearray) -> bool:
        """Protect one RTP packet and send it at once.

        Returns:
            False when it was dropped: no path, a full socket, or too long a packet.
        """
        target = self._link.target
        if target is None or not self._is_up:
            self.unsent += 1
            return False
        return self._send_one(target, data)

    def send_many(self, packets: list[bytearray]) -> int:
        """As `send_rtp` for packets in order; over a plain UDP socket with one system call for as many as it takes.

        Returns:
            How many were taken, from the front: a socket that is full stays so for a while.
        """
        target = self._link.target
        if target is None or not self._is_up:
            self.unsent += len(packets)
            return 0
        if target is not self._batch_target:
            self._aim_batch(target)
        # What asyncio still holds of this socket has to go first.
        if self._batch is None or target.backlog():
            return self._send_singly(target, packets)
        taken = self._batch.write_many(packets)
        self.sent += taken
        self.refused += len(packets) - taken
        return taken

    def send_rtcp(self, data: bytes) -> None:
        """Protect one RTCP compound and send it at once, or drop it."""
        target = self._link.target
        if target is None or not self._is_up:
            return
        try:
            protected = self._tx_srtp.protect_rtcp(data)
        except (pylibsrtp.Error, ValueError) as exc:
            self._refuse(len(data), exc)
        else:
            target.sendto(protected, target.address)

    async def close(self) -> None:
        """Tell the peer and stop receiving; no callback follows."""
        self._is_up = False
        self._batch = self._batch_target = None
        await self.stop()

    def _aim_batch(self, target: SendTarget) -> None:
        self._batch, self._batch_target = None, target
        if target.sock is None or not self._can_batch:
            return
        try:
            self._batch = SrtpBatch(self._tx_srtp, target.sock, target.address)
        except UnsuitableLibrary as exc:
            logger.debug("packets go out one by one: %s", exc)
            self._can_batch = False

    def _send_singly(self, target: SendTarget, packets: list[bytearray]) -> int:
        for taken, packet in enumerate(packets):
            if not self._send_one(target, packet):
                self.refused += len(packets) - taken - 1
                return taken
        return len(packets)

    def _send_one(self, target: SendTarget, data: bytes | bytearray) -> bool:
        try:
            protected = self._tx_srtp.protect(bytes(data))
        except (pylibsrtp.Error, ValueError) as exc:
            return self._refuse(len(data), exc)
        if self.sent % BACKLOG_CHECK_PACKETS == 0 and target.backlog() > MAX_BACKLOG_BYTES:
            return self._refuse(len(data), "the socket is full")
        target.sendto(protected, target.address)
        self.sent += 1
        return True

    def _refuse(self, size: int, reason: object) -> bool:
        self.refused += 1
        logger.debug("a packet of %d bytes is dropped: %s", size, reason)
        return False

    def _state_changed(self) -> None:
        if self._is_up and self.state in ("closed", "failed"):
            self._is_up = False
            self._on_lost()

    async def _handle_rtcp_data(self, data: bytes) -> None:
        # Whatever escapes from here ends aiortc's receive pump, and with it the transport.
        try:
            self._on_rtcp(data)
        except Exception:
            logger.exception("the RTCP handler failed on %d bytes", len(data))

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        """Nobody sends us media; what comes is dropped unparsed."""
