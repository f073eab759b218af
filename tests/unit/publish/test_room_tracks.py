"""The one task of a session's tracks ends when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from lkedge.publish.room_tracks import RoomTracks
from lkedge.signaling.requests import Offer, SignalRequest


class Transport:
    """Negotiates with one exchange, as PublisherTransport does."""

    def add_section(self, spec: object) -> str:
        return "0"

    async def negotiate(self, exchange: Callable[[str], Awaitable[str]]) -> None:
        await exchange("an offer")


async def test_a_cancellation_that_comes_together_with_the_answer_is_not_forgotten() -> None:
    offered: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()

    def send(request: SignalRequest) -> None:
        offered.set_result(cast(Offer, request))

    nothing: Any = None
    tracks = RoomTracks(cast(Any, Transport()), nothing, nothing, send)
    task = asyncio.create_task(tracks.run())
    offer = await offered
    tracks.on_answer(offer.id, "an answer")
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=2)
    task.cancel()
    assert done
