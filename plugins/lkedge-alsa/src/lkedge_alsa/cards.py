# lkedge: pure
"""The sound cards of this machine, from the text of /proc/asound, and which one a setting means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lkedge.errors import SourceUnavailable

CARD = re.compile(r"^\s*(\d+) \[(\S+)\s*\]: .*? - (.*)$")
PCM = re.compile(r"^(\d+)-(\d+): .*?: (.*?) :(.*)$")
CARD_OF_NAME = re.compile(r"^(?:plug)?(?:hw|sysdefault|front|dsnoop):(?:CARD=)?([^,]+)")


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """One device of a card that captures. number: after DEV=."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Card:
    """id: the name that does not depend on the order of plugging in. captures: empty for a loudspeaker."""

    index: int
    id: str
    name: str
    captures: tuple[CaptureDevice, ...] = ()


def parse_cards(cards: str, pcms: str) -> list[Card]:
    """The cards, from the texts of /proc/asound/cards and /proc/asound/pcm."""
    captures = _captures(pcms)
    found = (CARD.match(line) for line in cards.splitlines())
    return [
        Card(int(match[1]), match[2], match[3].strip(), tuple(captures.get(int(match[1]), ())))
        for match in found
        if match
    ]


def resolve(wanted: str, cards: Sequence[Card]) -> str:
    """The ALSA name that the option `device` means.

    Raises:
        SourceUnavailable: no device is named, and no card captures.
    """
    capturing = [card for card in cards if card.captures]
    if not wanted and not capturing:
        raise SourceUnavailable(f"there is no sound card that captures ({listed(cards)}); plug in a microphone")
    if not wanted:
        return hw_name(capturing[0], capturing[0].captures[0])
    card_id, _, number = wanted.partition(",")
    card = next((card for card in cards if card.id == card_id), None)
    if card is None:
        return wanted
    first = card.captures[0].number if card.captures else 0
    return f"hw:CARD={card.id},DEV={number.removeprefix('DEV=') or first}"


def hw_name(card: Card, device: CaptureDevice) -> str:
    """The name that survives another order of plugging in."""
    return f"hw:CARD={card.id},DEV={device.number}"


def card_of(device: str) -> str:
    """The id or number of the card that an ALSA name means; "" when it does not say."""
    match = CARD_OF_NAME.match(device)
    return match[1] if match else ""


def listed(cards: Sequence[Card]) -> str:
    """What is there, for a message."""
    names = [f"{card.id} ({card.name})" for card in cards if card.captures]
    if names:
        return f"cards that capture: {', '.join(names)}"
    return f"{len(cards)} cards, none of which captures" if cards else "no cards at all"


def _captures(pcms: str) -> dict[int, list[CaptureDevice]]:
    captures: dict[int, list[CaptureDevice]] = {}
    for line in pcms.splitlines():
        match = PCM.match(line)
        if match and "capture" in match[4]:
            captures.setdefault(int(match[1]), []).append(CaptureDevice(int(match[2]), match[3].strip()))
    return captures
