"""Answers as text; the connection itself is in tests/integration/test_transport_pair.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.errors import NegotiationError, SignalLost
from lkedge.rtc.settings import IceSettings, TransportState
from lkedge.rtc.subscriber_transport import SubscriberTransport

OFFER = (Path(__file__).resolve().parents[2] / "data" / "sdp" / "server-subscriber-offer.sdp").read_text()


def subscriber() -> SubscriberTransport:
    return SubscriberTransport(
        settings=IceSettings(loopback=True), on_state=lambda state: None, on_candidate=lambda init: None
    )


async def test_answer_is_active_and_carries_our_candidates() -> None:
    transport, answers = subscriber(), []

    async def send(answer: str) -> None:
        answers.append(answer)
        raise SignalLost("gone")

    with pytest.raises(SignalLost):
        await transport.answer(OFFER, send)
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel" in answers[0]
    assert "a=setup:active" in answers[0]
    assert " 127.0.0.1 " in answers[0]
    assert transport.state is TransportState.NEW
    await transport.close()


async def test_unusable_offer_is_named() -> None:
    async def send(answer: str) -> None:
        raise AssertionError("answered nonsense")

    transport = subscriber()
    with pytest.raises(NegotiationError, match="no media section"):
        await transport.answer("nonsense", send)
    await transport.close()
