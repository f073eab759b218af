from __future__ import annotations

import sys
import tomllib
from typing import Any

import pytest
from fake_alsa import MIC, SPEAKER, FakeAlsa, FakeCard, FakeSystem
from lkedge_alsa.plugin import lkedge_probe
from lkedge_alsa.probe import probe

from lkedge.plugin.api import DeviceInfo
from lkedge.terms import TrackKind


def probed(card: FakeCard) -> DeviceInfo:
    alsa: Any = FakeAlsa(card)
    (info,) = probe(FakeSystem(SPEAKER, MIC), alsa)
    assert card.opened == 0
    return info


def test_cards_that_capture_are_listed_with_what_they_can_do() -> None:
    info = probed(FakeCard(rates=(16_000, 96_000), channels=(1, 2)))
    assert (info.plugin, info.name, info.kind) == ("alsa", "HD Webcam C920, USB Audio", TrackKind.AUDIO)
    assert info.details == {
        "device": "hw:CARD=Webcam,DEV=0",
        "channels": "1, 2",
        "rates": "16000, 22050, 32000, 44100, 48000, 88200, 96000",
        "formats": "S16_LE",
    }


def test_the_configuration_can_be_pasted() -> None:
    (track,) = tomllib.loads(probed(FakeCard()).config)["track"]
    assert track == {"name": "webcam", "source": "alsa", "alsa": {"device": "hw:CARD=Webcam,DEV=0"}}


def test_a_single_rate() -> None:
    assert probed(FakeCard(rates=(44_100,))).details["rates"] == "44100"


def test_a_card_in_use_is_listed_and_says_so() -> None:
    assert "another program uses it" in probed(FakeCard(open_error="Device or resource busy")).details["state"]


def test_without_pyalsaaudio_cards_are_listed_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alsaaudio", None)
    (info,) = probe(FakeSystem(MIC))
    assert "apt install libasound2-dev" in info.details["state"]


def test_cameras_are_for_others() -> None:
    assert lkedge_probe(TrackKind.VIDEO) == []
