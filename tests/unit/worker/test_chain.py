from __future__ import annotations

import pytest

from lkedge.clock import SECOND_NS
from lkedge.errors import EncoderError
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.fakes import FakeEncoder
from lkedge.worker.chain import TRUSTED_AFTER_FRAMES, EncoderChain
from lkedge.worker.events import EncoderFailed, EncoderOpened

SETTINGS = VideoEncoderSettings(Codec.VP8, Rid("q"), 2, 2, 30.0, BitsPerSecond(1), BitsPerSecond(1))
ERROR = EncoderError("no")


def registration(name: str, unusable: str = "") -> EncoderRegistration:
    return EncoderRegistration(name, Codec.VP8, "", video=FakeEncoder, is_usable=lambda: unusable)


class Chain:
    def __init__(self, *candidates: EncoderRegistration) -> None:
        self.events: list[EncoderOpened | EncoderFailed] = []
        self.chain: EncoderChain[VideoEncoder] = EncoderChain(Rid("q"), Codec.VP8, candidates, self.events.append)

    def open(self) -> VideoEncoder:
        return self.chain.open(lambda candidate: FakeEncoder(SETTINGS))

    def fail(self, now_ns: int = 0) -> None:
        try:
            self.open()
        except EncoderError as error:
            self.chain.failed(error, now_ns)
        else:
            self.chain.failed(ERROR, now_ns)

    def opened(self) -> list[str]:
        return [event.encoder for event in self.events if isinstance(event, EncoderOpened)]

    def failures(self) -> list[EncoderFailed]:
        return [event for event in self.events if isinstance(event, EncoderFailed)]


def test_encoder_is_built_once() -> None:
    chain = Chain(registration("a"))
    assert chain.open() is chain.open()
    assert chain.opened() == ["a"]


def test_rebuilt_once_then_the_next_then_a_pause() -> None:
    chain = Chain(registration("a"), registration("b"))
    for _ in range(4):
        chain.fail()
    assert chain.opened() == ["a", "a", "b", "b"]
    assert chain.failures() == [EncoderFailed(Rid("q"), "b", "encoder b of layer q: no")]
    assert not chain.chain.may_try(0)
    assert chain.chain.may_try(SECOND_NS)


def test_after_the_pause_it_begins_with_the_first() -> None:
    chain = Chain(registration("a"), registration("b"))
    for _ in range(4):
        chain.fail()
    chain.open()
    assert chain.opened()[-1] == "a"


def test_an_unusable_candidate_costs_no_picture() -> None:
    chain = Chain(registration("a", "no such device"), registration("b"))
    chain.open()
    assert chain.opened() == ["b"]
    assert not chain.failures()


def test_with_nothing_usable_it_fails_with_the_last_reason() -> None:
    chain = Chain(registration("a", "no such device"), registration("b", "no rights"))
    chain.fail()
    assert "encoder b is not usable here: no rights" in chain.failures()[0].reason


def test_without_candidates_it_fails_at_once() -> None:
    chain = Chain()
    chain.fail()
    assert "no encoder for vp8 is installed" in chain.failures()[0].reason


def test_encoder_that_did_well_for_long_is_trusted_again() -> None:
    chain = Chain(registration("a"), registration("b"))
    chain.fail()
    chain.open()
    for _ in range(TRUSTED_AFTER_FRAMES):
        chain.chain.succeeded()
    chain.fail()
    chain.open()
    assert chain.opened() == ["a", "a", "a"]


def test_failed_encoder_is_closed() -> None:
    chain = Chain(registration("a"))
    encoder = chain.open()
    chain.fail()
    assert isinstance(encoder, FakeEncoder)
    assert encoder.is_closed


def test_encoder_that_cannot_be_closed_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeEncoder) -> None:
        raise OSError("busy")

    monkeypatch.setattr(FakeEncoder, "close", refuse)
    chain = Chain(registration("a"))
    chain.open()
    chain.chain.close()
    assert chain.chain.encoder is None
