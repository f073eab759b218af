"""The connection on which we publish: we offer, the server answers, one exchange at a time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkedge.errors import NegotiationError, TransportError
from lkedge.rtc.sdp import (
    Answer,
    AnsweredSection,
    LocalDescription,
    SectionSpec,
    answered_sections,
    build_offer,
    parse_answer,
)
from lkedge.rtc.settings import IceSettings, TransportState, TransportTimings
from lkedge.rtc.transport import IceDtlsTransport
from lkedge.terms import Cid, Codec, IceServer, Mid

if TYPE_CHECKING:
    from lkedge.rtc.ice import IcePath

logger = logging.getLogger(__name__)

Exchange = Callable[[str], Awaitable[str]]
"""Sends our offer and returns the server's answer to it."""

PLACEHOLDER = SectionSpec(codec=Codec.OPUS, cid=Cid("none"), stream_id="none", is_active=False)
"""Connects a participant that has nothing to publish yet, before the server loses patience."""


@dataclass(slots=True)
class _Section:
    spec: SectionSpec
    is_offered: bool = False
    answered: AnsweredSection | None = None


class PublisherTransport:
    """Sections, negotiation and the way out for RTP and RTCP. Owned by the event loop.

    on_rtcp: each decrypted RTCP datagram.
    on_state: each change of `state`.
    on_candidate: a candidateInit to trickle to the server, None when there will be no more;
        called while an exchange is answered or later, never before.
    """

    def __init__(
        self,
        *,
        settings: IceSettings,
        on_rtcp: Callable[[bytes], None],
        on_state: Callable[[TransportState], None],
        on_candidate: Callable[[str | None], None],
        timings: TransportTimings | None = None,
    ) -> None:
        self._timings = timings or TransportTimings()
        self._transport = IceDtlsTransport(
            "publisher",
            settings=settings,
            timings=self._timings,
            is_controlling=True,
            on_rtcp=on_rtcp,
            on_state=on_state,
            on_candidate=on_candidate,
        )
        self._sections: dict[Mid, _Section] = {}
        self._next_mid = 0
        self._session_id = random.getrandbits(62)
        self._version = 0
        self._lock = asyncio.Lock()
        self._is_path_stale = False

    @property
    def state(self) -> TransportState:
        return self._transport.state

    @property
    def is_over(self) -> bool:
        """DTLS has ended: no ICE restart helps, only a new transport."""
        return not self._transport.is_usable

    @property
    def unsent(self) -> int:
        """RTP packets dropped because there was no path, or the socket was full."""
        dtls = self._transport.dtls
        return 0 if dtls is None else dtls.unsent + dtls.refused

    def use_servers(self, servers: tuple[IceServer, ...], *, force_relay: bool = False) -> None:
        """Use these STUN and TURN servers from the first connection or the next ICE restart on.

        force_relay: the server asks for TURN only; this adds to what the settings say.
        """
        self._transport.use_servers(servers, force_relay=force_relay)

    def add_section(self, spec: SectionSpec) -> Mid:
        """Offer `spec` from the next negotiation on; its mid is never used for another one."""
        mid = Mid(str(self._next_mid))
        self._next_mid += 1
        self._sections[mid] = _Section(spec)
        return mid

    def remove_section(self, mid: Mid) -> None:
        """Offer the section as inactive from the next negotiation on, and for ever."""
        section = self._sections[mid]
        if section.is_offered:
            section.spec = replace(section.spec, is_active=False)
        else:
            del self._sections[mid]

    def section(self, mid: Mid) -> AnsweredSection:
        """What the server answered for a section.

        Raises:
            NegotiationError: the section has not been negotiated yet.
        """
        answered = self._sections[mid].answered if mid in self._sections else None
        if answered is None:
            raise NegotiationError(f"section {mid} has not been negotiated")
        return answered

    async def negotiate(self, exchange: Exchange) -> None:
        """Offer the sections as they are now and apply the answer; the first time, connect.

        One at a time: a second call waits and then offers what has changed meanwhile.

        Raises:
            NegotiationError: no answer in time, or one that cannot be used.
            TransportError: ICE or DTLS failed, or the transport is over.
        """
        async with self._lock:
            path = None if self._is_path_stale else self._transport.path
            if path is None:
                await self._negotiate_path(exchange)
            else:
                self._update(path, await self._exchange(exchange, path))

    async def restart_ice(self, exchange: Exchange, *, servers: tuple[IceServer, ...] | None = None) -> None:
        """Move to a new path while DTLS, SRTP and all streams go on; the old one may be dead or alive.

        servers: use these STUN and TURN servers from now on; None keeps the known ones.

        Raises:
            NegotiationError, TransportError: as `negotiate`; the old path stays in use.
        """
        async with self._lock:
            if servers is not None:
                self._transport.use_servers(servers)
            await self._negotiate_path(exchange)

    def add_remote_candidate(self, candidate_init: str) -> None:
        """Take a candidateInit that the server trickled, at any time; nonsense is ignored."""
        self._transport.add_remote_candidate(candidate_init)

    def end_of_remote_candidates(self) -> None:
        """The server will trickle no more."""
        self._transport.end_of_remote_candidates()

    def send_rtp(self, data: bytes | bytearray) -> bool:
        """Send one RTP packet at once. Never raises.

        Returns:
            False when it was dropped: no path, a full socket, or too long a packet.
        """
        dtls = self._transport.dtls
        return dtls is not None and dtls.send_rtp(data)

    def send_many(self, packets: list[bytearray]) -> int:
        """Send RTP packets in order, with one system call per frame where the path allows it. Never raises.

        Returns:
            How many were taken, from the front; the rest was dropped.
        """
        dtls = self._transport.dtls
        return 0 if dtls is None else dtls.send_many(packets)

    def send_rtcp(self, data: bytes) -> None:
        """Send one RTCP compound at once, or drop it. Never raises."""
        dtls = self._transport.dtls
        if dtls is not None:
            dtls.send_rtcp(data)

    async def close(self) -> None:
        """End the connection. Idempotent."""
        await self._transport.close()

    async def _negotiate_path(self, exchange: Exchange) -> None:
        path = await self._transport.open_path()
        is_restart = self._transport.path is not None
        try:
            answer = await self._exchange(exchange, path)
            await self._transport.establish(path, answer)
        except BaseException:
            # The server may have left the old generation: the next offer has to start another one.
            self._is_path_stale = is_restart
            await self._transport.abandon(path)
            raise
        self._is_path_stale = False

    def _update(self, path: IcePath, answer: Answer) -> None:
        if answer.ufrag != path.remote_ufrag:
            self._is_path_stale = True
            raise NegotiationError("the server answered with ICE credentials of another path; ICE has to be restarted")
        path.update(answer)

    async def _exchange(self, exchange: Exchange, path: IcePath) -> Answer:
        if not self._transport.is_usable:
            raise TransportError("the publisher transport is over; a new connection is needed")
        offered = self._offered_sections()
        offer = build_offer(self._local_description(path), offered)
        try:
            async with asyncio.timeout(self._timings.answer_s):
                text = await exchange(offer)
        except TimeoutError as exc:
            raise NegotiationError(f"the server did not answer our offer within {self._timings.answer_s:g} s") from exc
        answer = parse_answer(text)
        self._apply(answered_sections(answer, [mid for mid, _ in offered]))
        return answer

    def _offered_sections(self) -> list[tuple[Mid, SectionSpec]]:
        if not self._sections:
            self.add_section(PLACEHOLDER)
        for section in self._sections.values():
            section.is_offered = True
        return [(mid, section.spec) for mid, section in self._sections.items()]

    def _local_description(self, path: IcePath) -> LocalDescription:
        self._version += 1
        return LocalDescription(
            session_id=self._session_id,
            version=self._version,
            ufrag=path.connection.local_username,
            pwd=path.connection.local_password,
            fingerprint=self._transport.fingerprint(),
            candidates=path.connection.candidate_lines,
            has_all_candidates=path.has_all_candidates,
        )

    def _apply(self, answered: dict[Mid, AnsweredSection]) -> None:
        for mid, section in answered.items():
            self._sections[mid].answered = section
            if section.is_rejected and self._sections[mid].spec.is_active:
                logger.warning("the server rejected media section %s", mid)


def preload() -> None:
    """Import aioice and aiortc and make the certificate, about 0.35 s; meant for a thread at start-up."""
    from lkedge.rtc.dtls import certificate_fingerprint

    certificate_fingerprint()
