from __future__ import annotations

import pytest
from fake_alsa import MIC, SPEAKER, ALSAAudioError, FakeSystem
from lkedge_alsa.cards import CaptureDevice, Card, card_of, parse_cards, resolve
from lkedge_alsa.refusal import lost, unavailable

from lkedge.errors import SourceUnavailable

CARDS = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 1 [Webcam         ]: USB-Audio - HD Webcam C920
                      HD Webcam C920 at usb-0000:01:00.0-1.2, high speed
 2 [Loopback       ]: Loopback - Loopback
                      Loopback 1
"""
PCMS = """\
00-00: bcm2835 Headphones : bcm2835 Headphones : playback 8
01-00: USB Audio : USB Audio : capture 1
02-00: Loopback PCM : Loopback PCM : playback 8 : capture 8
02-01: Loopback PCM : Loopback PCM : playback 8 : capture 8
"""
LOOPBACK = Card(2, "Loopback", "Loopback", (CaptureDevice(0, "Loopback PCM"), CaptureDevice(1, "Loopback PCM")))


def test_cards_are_read_from_proc() -> None:
    assert parse_cards(CARDS, PCMS) == [SPEAKER, MIC, LOOPBACK]


def test_a_machine_without_sound_has_no_cards() -> None:
    assert parse_cards("--- no soundcards ---\n", "") == []
    assert parse_cards("", "") == []


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("", "hw:CARD=Webcam,DEV=0"),
        ("Webcam", "hw:CARD=Webcam,DEV=0"),
        ("Loopback,1", "hw:CARD=Loopback,DEV=1"),
        ("Headphones", "hw:CARD=Headphones,DEV=0"),
        ("hw:CARD=Loopback,DEV=1", "hw:CARD=Loopback,DEV=1"),
        ("default", "default"),
        ("plughw:1", "plughw:1"),
    ],
)
def test_what_a_setting_means(wanted: str, name: str) -> None:
    assert resolve(wanted, [SPEAKER, MIC, LOOPBACK]) == name


@pytest.mark.parametrize(("cards", "words"), [([], "no cards at all"), ([SPEAKER], "1 cards, none of which captures")])
def test_no_card_that_captures(cards: list[Card], words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words):
        resolve("", cards)


@pytest.mark.parametrize(
    ("device", "card"),
    [
        ("hw:CARD=Webcam,DEV=0", "Webcam"),
        ("plughw:CARD=Webcam", "Webcam"),
        ("hw:1,0", "1"),
        ("sysdefault:CARD=Webcam", "Webcam"),
        ("dsnoop:Webcam", "Webcam"),
        ("default", ""),
        ("null", ""),
    ],
)
def test_the_card_of_a_device(device: str, card: str) -> None:
    assert card_of(device) == card


@pytest.mark.parametrize(
    ("device", "text", "system", "words"),
    [
        (
            "hw:CARD=Mic",
            "No such device [hw:CARD=Mic]",
            FakeSystem(SPEAKER, MIC),
            ["hw:CARD=Mic: there is no such sound device", "is it plugged in?", "Webcam (HD Webcam C920)"],
        ),
        (
            "hw:CARD=Headphones",
            "No such file or directory [hw:CARD=Headphones]",
            FakeSystem(SPEAKER, MIC),
            ["the card bcm2835 Headphones does not capture", "Webcam"],
        ),
        (
            "hw:CARD=Webcam,DEV=0",
            "Device or resource busy [hw:CARD=Webcam,DEV=0]",
            FakeSystem(MIC),
            ["another program uses it", "fuser -v", '"dsnoop:CARD=Webcam,DEV=0"'],
        ),
        (
            "hw:CARD=Webcam",
            "Permission denied [hw:CARD=Webcam]",
            FakeSystem(MIC),
            ["add the user to the group audio", "usermod -aG audio pi"],
        ),
        (
            "hw:CARD=Webcam",
            "No such device [hw:CARD=Webcam]",
            FakeSystem(MIC, may_open=False),
            ["add the user to the group audio"],
        ),
        ("hw:CARD=Odd", "Invalid argument [hw:CARD=Odd]", FakeSystem(), ['"plughw:CARD=Odd"']),
        ("default", "Connection refused [default]", FakeSystem(), ["ALSA says: Connection refused", "lkedge devices"]),
    ],
)
def test_why_a_card_cannot_be_opened(device: str, text: str, system: FakeSystem, words: list[str]) -> None:
    message = str(unavailable(device, ALSAAudioError(text), system))
    assert message.startswith(device)
    assert [word for word in words if word not in message] == [], message


def test_why_a_card_is_lost() -> None:
    assert str(lost("mic", ALSAAudioError("No such device [hw:1]"))) == "mic: the sound card was unplugged"
    assert "failed while capturing: Input/output error" in str(lost("mic", ALSAAudioError("Input/output error [hw:1]")))
