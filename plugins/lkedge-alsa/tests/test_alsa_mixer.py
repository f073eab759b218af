from __future__ import annotations

import pytest
from fake_alsa import FakeAlsa, FakeCard, FakeMixer
from lkedge_alsa.mixer import CardMixer

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind


def mixer(*mixers: FakeMixer) -> CardMixer:
    return CardMixer("Webcam", FakeAlsa(FakeCard(mixers=list(mixers))))


def test_gain_and_mute_where_present() -> None:
    inputs = (FakeMixer("Mic", 40, True), FakeMixer("Speaker", None, None), FakeMixer("Line In", None, False))
    assert mixer(*inputs).controls() == (
        Control("mic_gain", ControlKind.INTEGER, 40, None, 0, 100, 1, unit="%"),
        Control("mic_mute", ControlKind.BOOLEAN, False),
        Control("line_in_mute", ControlKind.BOOLEAN, True),
    )


def test_mixers_of_one_name_are_told_apart() -> None:
    first, second = FakeMixer("Capture", 10), FakeMixer("Capture", 20)
    both = mixer(first, second)
    both.set_control("capture_1_gain", 70)
    assert (first.volume, second.volume) == (10, 70)
    assert [control.name for control in both.controls()] == [
        "capture_gain", "capture_mute", "capture_1_gain", "capture_1_mute",
    ]  # fmt: skip


def test_odd_names_become_names() -> None:
    assert [control.name for control in mixer(FakeMixer("2nd: Mic!", None)).controls()] == ["input_2nd_mic_mute"]


def test_setting_reaches_the_card() -> None:
    mic = FakeMixer("Mic", 40, True)
    mixer(mic).set_control("mic_gain", 75)
    mixer(mic).set_control("mic_mute", True)
    assert (mic.volume, mic.recording) == (75, False)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mic_gain", 101, "allowed is an integer from 0 to 100 %"),
        ("mic_gain", "loud", "allowed is"),
        ("mic_mute", 1, "true or false"),
        ("bass", 1, "there is no control 'bass'; there are: mic_gain, mic_mute"),
    ],
)
def test_what_a_control_refuses(name: str, value: int | str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        mixer(FakeMixer("Mic")).set_control(name, value)


def test_a_device_without_a_card_has_no_controls() -> None:
    without = CardMixer("", FakeAlsa())
    assert without.controls() == ()
    with pytest.raises(SourceError, match="there are: none"):
        without.set_control("mic_gain", 1)


def test_a_card_that_has_gone_has_no_controls() -> None:
    assert CardMixer("Webcam", FakeAlsa(FakeCard(mixers=[FakeMixer("Mic")], error="No such device"))).controls() == ()


def test_the_gain_of_the_configuration_is_set_on_every_input() -> None:
    mic, line = FakeMixer("Mic", 1), FakeMixer("Line", 2)
    assert mixer(mic, line).set_gain(80)
    assert (mic.volume, line.volume) == (80, 80)
    assert not mixer(FakeMixer("Mic", None)).set_gain(80)
