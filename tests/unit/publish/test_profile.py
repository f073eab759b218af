from __future__ import annotations

from pathlib import Path

from lkedge.config.models import LiveKitConfig, TokenFile
from lkedge.publish.profile import profile_change, profile_of, shows
from lkedge.signaling.participant import Participant
from lkedge.signaling.requests import UpdateMetadata


def livekit(name: str | None = None, **attributes: str) -> LiveKitConfig:
    return LiveKitConfig("ws://a", TokenFile(Path("t")), name=name, attributes=attributes)


def test_what_is_not_said_is_left_as_it_is() -> None:
    assert profile_of(livekit()) == UpdateMetadata()


def test_an_attribute_that_is_gone_is_deleted() -> None:
    change = profile_change(livekit("Yard", a="1", b="2"), livekit("Yard", b="3"))
    assert change == UpdateMetadata(name="Yard", attributes={"a": "", "b": "3"})


def test_whether_others_see_it() -> None:
    participant = Participant("PA_1", "pi", name="Yard", attributes={"a": "1", "b": "2"})
    assert shows(participant, UpdateMetadata(name="Yard", attributes={"a": "1"}))
    assert not shows(participant, UpdateMetadata(name="Garden"))
    assert not shows(participant, UpdateMetadata(attributes={"c": "1"}))
