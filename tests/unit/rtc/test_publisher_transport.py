"""Negotiation as seen by the caller, up to where a server's ICE would begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lkedge.errors import NegotiationError
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.sdp import SectionSpec
from lkedge.rtc.settings import IceSettings, TransportState, TransportTimings
from lkedge.terms import Cid, Codec, IceServer, Mid, Rid

CAMERA = SectionSpec(codec=Codec.VP8, cid=Cid("cam"), stream_id="s", rids=(Rid("q"),))


@pytest.fixture
async def transport() -> AsyncIterator[PublisherTransport]:
    made = PublisherTransport(
        settings=IceSettings(loopback=True),
        on_rtcp=lambda data: None,
        on_state=lambda state: None,
        on_candidate=lambda init: None,
        timings=TransportTimings(answer_s=0.05),
    )
    yield made
    await made.close()


async def test_late_answer_is_a_negotiation_error(transport: PublisherTransport) -> None:
    async def never(offer: str) -> str:
        await asyncio.Event().wait()
        return ""

    transport.add_section(CAMERA)
    with pytest.raises(NegotiationError, match=r"did not answer our offer within 0\.05 s"):
        await transport.negotiate(never)
    assert transport.state is TransportState.NEW


async def test_unusable_answer_is_a_negotiation_error(transport: PublisherTransport) -> None:
    async def nonsense(offer: str) -> str:
        return "I am a teapot"

    transport.add_section(CAMERA)
    with pytest.raises(NegotiationError, match="teapot"):
        await transport.negotiate(nonsense)


async def test_offers_follow_one_another_with_growing_versions(transport: PublisherTransport) -> None:
    under_way = 0
    offers: list[str] = []

    async def exchange(offer: str) -> str:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        offers.append(offer)
        await asyncio.sleep(0)
        under_way -= 1
        raise NegotiationError("no")

    transport.add_section(CAMERA)
    results = await asyncio.gather(*(transport.negotiate(exchange) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [NegotiationError] * 3
    origins = [offer.split("\r\n")[1].split() for offer in offers]
    assert len({origin[1] for origin in origins}) == 1
    assert [origin[2] for origin in origins] == ["1", "2", "3"]


async def test_mids_are_never_reused(transport: PublisherTransport) -> None:
    first = transport.add_section(CAMERA)
    transport.remove_section(first)
    assert transport.add_section(CAMERA) == Mid("1")


async def test_section_removed_before_its_first_offer_is_never_offered(transport: PublisherTransport) -> None:
    offers: list[str] = []

    async def exchange(offer: str) -> str:
        offers.append(offer)
        raise NegotiationError("no")

    transport.remove_section(transport.add_section(CAMERA))
    transport.add_section(CAMERA)
    with pytest.raises(NegotiationError):
        await transport.negotiate(exchange)
    assert offers[0].count("m=") == 1
    assert "a=mid:1" in offers[0]


async def test_offer_holds_host_candidates_at_once(transport: PublisherTransport) -> None:
    offers: list[str] = []

    async def exchange(offer: str) -> str:
        offers.append(offer)
        raise NegotiationError("no")

    transport.use_servers((IceServer(("stun:no-such-host.invalid",)),))
    transport.add_section(CAMERA)
    with pytest.raises(NegotiationError):
        await transport.negotiate(exchange)
    assert " 127.0.0.1 " in offers[0]
    assert "a=end-of-candidates" not in offers[0]


async def test_sending_without_a_connection_is_harmless(transport: PublisherTransport) -> None:
    assert not transport.send_rtp(bytes(12))
    transport.send_rtcp(bytes(8))
    transport.add_remote_candidate("nonsense")
    transport.end_of_remote_candidates()


async def test_close_twice(transport: PublisherTransport) -> None:
    await transport.close()
    await transport.close()
    assert transport.state is TransportState.CLOSED
