"""The media side of one session: both transports, the paced way out and RTCP, made and ended together."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from lkedge.clock import Clock, WallClock
from lkedge.config.models import IceConfig
from lkedge.rtc.egress import Egress
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.rtcp import RtcpEndpoint
from lkedge.rtc.settings import IceSettings, TransportState
from lkedge.rtc.stream import RtpStream
from lkedge.rtc.subscriber_transport import SubscriberTransport
from lkedge.signaling import events, requests
from lkedge.signaling.address import SignalAddress
from lkedge.terms import BitsPerSecond, Ssrc

logger = logging.getLogger(__name__)

PACING_FACTOR = 2.5
"""Pacing rate over the sum of all targets (congestion.md, section 2.3)."""

MIN_PACING_RATE = 1_000_000
"""So that the first key frame of a thin layer does not take seconds."""


class MediaPathListener(Protocol):
    """Who is told what the path needs; called on the event loop."""

    def do_send(self, request: requests.SignalRequest) -> None:
        """Say this to the server."""

    def do_media_lost(self) -> None:
        """The publisher transport is silent or has failed."""

    def do_key_frame_needed(self, ssrc: Ssrc) -> None:
        """Whoever decodes this SSRC needs a key frame."""


def ice_settings(config: IceConfig, url: str) -> IceSettings:
    """Which addresses a session to `url` may use; loop-back ones by default when the server is on this machine."""
    loopback = SignalAddress.parse(url).is_loopback if config.loopback is None else config.loopback
    return IceSettings(servers=config.servers or (), loopback=loopback, ipv6=config.ipv6)


class MediaPath:
    """Owned by the event loop.

    publisher: what we publish on. subscriber: kept standing for tokens that may subscribe.
    """

    def __init__(self, ice: IceSettings, listener: MediaPathListener, *, clock: Clock, wall: WallClock) -> None:
        self._ice = ice
        self._listener = listener
        self.publisher = PublisherTransport(
            settings=ice,
            on_rtcp=self._on_rtcp,
            on_state=self._on_publisher_state,
            on_candidate=self._on_publisher_candidate,
        )
        self.subscriber = SubscriberTransport(
            settings=ice, on_state=self._on_subscriber_state, on_candidate=self._on_subscriber_candidate
        )
        self.egress = Egress(
            self.publisher.send_rtp,
            write_many=self.publisher.send_many,
            loop=asyncio.get_running_loop(),
            clock=clock,
            on_dropped=listener.do_key_frame_needed,
        )
        self.rtcp: RtcpEndpoint = RtcpEndpoint(
            self.egress,
            self.publisher.send_rtcp,
            clock=clock,
            wall=wall,
            on_key_frame_request=self._on_key_frame_request,
        )

    def use_servers(self, said: events.Joined | events.Resumed) -> None:
        """Configured STUN and TURN servers replace those of the server; a server on this machine needs none."""
        servers = self._ice.servers or said.ice_servers
        if self._ice.loopback and not said.force_relay and not self._ice.servers:
            servers = ()
        self.publisher.use_servers(servers, force_relay=said.force_relay)
        self.subscriber.use_servers(servers, force_relay=said.force_relay)

    def pace(self, bitrate: int) -> None:
        """The tracks now want `bitrate` bits per second in sum."""
        self.egress.set_rate(BitsPerSecond(max(MIN_PACING_RATE, round(bitrate * PACING_FACTOR))))

    async def close(self) -> None:
        """End everything. Nothing is sent or reported afterwards."""
        self.rtcp.close()
        self.egress.close()
        await asyncio.gather(self.publisher.close(), self.subscriber.close())

    def _on_rtcp(self, data: bytes) -> None:
        self.rtcp.receive(data)

    def _on_publisher_state(self, state: TransportState) -> None:
        if state in (TransportState.DISCONNECTED, TransportState.FAILED):
            self._listener.do_media_lost()

    def _on_subscriber_state(self, state: TransportState) -> None:
        logger.debug("subscriber transport is %s", state.value)

    def _on_publisher_candidate(self, candidate_init: str | None) -> None:
        self._trickle(candidate_init, requests.SignalTarget.PUBLISHER)

    def _on_subscriber_candidate(self, candidate_init: str | None) -> None:
        self._trickle(candidate_init, requests.SignalTarget.SUBSCRIBER)

    def _trickle(self, candidate_init: str | None, target: requests.SignalTarget) -> None:
        if candidate_init is not None:
            self._listener.do_send(requests.Trickle(candidate_init, target=target))

    def _on_key_frame_request(self, stream: RtpStream) -> None:
        self._listener.do_key_frame_needed(stream.ssrc)
