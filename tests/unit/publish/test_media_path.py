"""What the parts of a session's media side are given."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lkedge.clock import SystemClock, WallClock
from lkedge.publish.media_path import MediaPath
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.settings import IceSettings
from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind
from lkedge.signaling import requests
from lkedge.terms import Ssrc


class Listener:
    def do_send(self, request: requests.SignalRequest) -> None: ...

    def do_media_lost(self) -> None: ...

    def do_key_frame_needed(self, ssrc: Ssrc) -> None: ...


@pytest.fixture
async def frames(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what reached the publisher transport at once."""
    sizes: list[int] = []

    def send_many(self: PublisherTransport, packets: list[bytearray]) -> int:
        sizes.append(len(packets))
        return len(packets)

    monkeypatch.setattr(PublisherTransport, "send_many", send_many)
    return sizes


@pytest.fixture
async def path(frames: list[int]) -> AsyncIterator[MediaPath]:
    made = MediaPath(IceSettings(), Listener(), clock=SystemClock(), wall=WallClock(0, 0))
    yield made
    await made.close()


async def test_frames_reach_the_transport_whole(path: MediaPath, frames: list[int]) -> None:
    flow = Flow(Ssrc(1), PacketKind.VIDEO, media_ssrc=Ssrc(1))

    path.egress.send(PacketGroup(flow, [bytearray(1000) for _ in range(7)]))

    assert frames == [7]
    assert path.egress.counters.packets == 7
