"""The connection on which the server would send to us: kept standing, and not used."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lkedge.rtc.sdp import LocalDescription
from lkedge.rtc.sdp_parser import RemoteDescription, parse_description
from lkedge.rtc.settings import IceSettings, TransportState, TransportTimings
from lkedge.rtc.subscriber_sdp import build_subscriber_answer
from lkedge.rtc.transport import IceDtlsTransport
from lkedge.terms import IceServer

if TYPE_CHECKING:
    from lkedge.rtc.ice import IcePath

SendAnswer = Callable[[str], Awaitable[None]]
"""Sends our answer to the server."""


class SubscriberTransport:
    """Answers every offer of the server, for ever. Owned by the event loop.

    We are the ICE controlled side and the DTLS client. Callbacks as of `PublisherTransport`.
    """

    def __init__(
        self,
        *,
        settings: IceSettings,
        on_state: Callable[[TransportState], None],
        on_candidate: Callable[[str | None], None],
        timings: TransportTimings | None = None,
    ) -> None:
        self._transport = IceDtlsTransport(
            "subscriber",
            settings=settings,
            timings=timings or TransportTimings(),
            is_controlling=False,
            on_rtcp=_ignore,
            on_state=on_state,
            on_candidate=on_candidate,
        )
        self._session_id = random.getrandbits(62)
        self._version = 0
        self._lock = asyncio.Lock()

    @property
    def state(self) -> TransportState:
        return self._transport.state

    def use_servers(self, servers: tuple[IceServer, ...], *, force_relay: bool = False) -> None:
        """Use these STUN and TURN servers from the first connection or the next ICE restart on.

        force_relay: the server asks for TURN only; this adds to what the settings say.
        """
        self._transport.use_servers(servers, force_relay=force_relay)

    async def answer(self, offer: str, send: SendAnswer) -> None:
        """Answer one offer with `send`; a new ICE generation is connected before this returns.

        Raises:
            NegotiationError: the offer cannot be used.
            TransportError: ICE or DTLS failed, or the transport is over.
        """
        async with self._lock:
            remote = parse_description(offer)
            path = self._transport.path
            if path is not None and path.remote_ufrag == remote.ufrag:
                await send(self._answer_text(path, remote))
                path.update(remote)
            else:
                await self._answer_with_new_path(remote, send)

    def add_remote_candidate(self, candidate_init: str) -> None:
        """Take a candidateInit that the server trickled, at any time; nonsense is ignored."""
        self._transport.add_remote_candidate(candidate_init)

    def end_of_remote_candidates(self) -> None:
        """The server will trickle no more."""
        self._transport.end_of_remote_candidates()

    async def close(self) -> None:
        """End the connection. Idempotent."""
        await self._transport.close()

    async def _answer_with_new_path(self, remote: RemoteDescription, send: SendAnswer) -> None:
        path = await self._transport.open_path()
        try:
            await send(self._answer_text(path, remote))
            await self._transport.establish(path, remote)
        except BaseException:
            await self._transport.abandon(path)
            raise

    def _answer_text(self, path: IcePath, remote: RemoteDescription) -> str:
        self._version += 1
        local = LocalDescription(
            session_id=self._session_id,
            version=self._version,
            ufrag=path.connection.local_username,
            pwd=path.connection.local_password,
            fingerprint=self._transport.fingerprint(),
            candidates=path.connection.candidate_lines,
            has_all_candidates=path.has_all_candidates,
        )
        return build_subscriber_answer(local, remote)


def _ignore(data: bytes) -> None:
    """Reports about media that we do not receive."""
