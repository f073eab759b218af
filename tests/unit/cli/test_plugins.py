from __future__ import annotations

from lkedge.cli.plugins import encoder_facts
from lkedge.plugin.api import EncoderRegistration
from lkedge.terms import Codec
from lkedge.testing.fakes import FakeEncoder


def registration(reason: str) -> EncoderRegistration:
    return EncoderRegistration(
        "quick", Codec.H264, "H.264 in hardware", 200, video=FakeEncoder, is_usable=lambda: reason
    )


def test_an_encoder_comes_with_its_rank() -> None:
    assert encoder_facts(registration("")) == "H.264 in hardware, rank 200"


def test_one_that_cannot_be_used_says_why() -> None:
    assert encoder_facts(registration("no device")) == "H.264 in hardware, rank 200; not usable here: no device"
