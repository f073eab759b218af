"""The SFU's end of the subscriber connection that a participant with canSubscribe must answer."""

from __future__ import annotations

from collections.abc import Callable

from livekit.protocol import rtc

from lkedge.testing import sfu_messages as messages
from lkedge.testing.sfu_answer import build_subscriber_offer
from lkedge.testing.sfu_publisher import candidate_init
from lkedge.testing.sfu_sdp import Description
from lkedge.testing.sfu_transport import Gate, SfuTransport


class SubscriberEnd:
    """ICE and DTLS only: data channels are offered and never used."""

    def __init__(
        self,
        host: str,
        gate: Gate,
        send: Callable[[rtc.SignalResponse], None],
        on_connected: Callable[[], None],
    ) -> None:
        self._send = send
        self._on_connected = on_connected
        self.transport = SfuTransport(gate, host=host, is_offerer=True)

    async def offer(self) -> None:
        """Offer, and trickle our candidates."""
        local = await self.transport.prepare()
        self._send(messages.offer(build_subscriber_offer(local), 1))
        for number, candidate in enumerate(local.candidates, 1):
            is_last = number == len(local.candidates)
            self._send(messages.trickle(candidate_init(candidate), is_subscriber=True, final=is_last))

    async def connect(self, answer: Description) -> None:
        if await self.transport.connect(answer):
            self._on_connected()

    async def close(self) -> None:
        await self.transport.close()
