"""Errors of ALSA as sentences with a remedy. pyalsaaudio gives only the text of the error, in English."""

from __future__ import annotations

from lkedge.errors import SourceLost, SourceUnavailable
from lkedge_alsa.cards import card_of, listed
from lkedge_alsa.system import SoundSystem

MISSING = ("No such file or directory", "No such device", "No such device or address")
DENIED = ("Permission denied", "Operation not permitted")


def unavailable(device: str, error: Exception, system: SoundSystem) -> SourceUnavailable:
    """Why a device could not be opened."""
    return SourceUnavailable(f"{device}: {_explained(device, _reason(error), system)}")


def lost(device: str, error: Exception) -> SourceLost:
    """Why an open device stopped."""
    reason = _reason(error)
    if reason in MISSING:
        return SourceLost(f"{device}: the sound card was unplugged")
    return SourceLost(f"{device}: the sound card failed while capturing: {reason}; it is opened again")


def _explained(device: str, reason: str, system: SoundSystem) -> str:
    if reason in DENIED or (reason in MISSING and not system.may_open()):
        return (
            "no right to open it; add the user to the group audio: "
            f"`sudo usermod -aG audio {system.user()}`, then log in again or restart the service"
        )
    if reason in MISSING:
        return _missing(device, system)
    if reason == "Device or resource busy":
        return (
            "another program uses it; `fuser -v /dev/snd/*` names it, close that one, or share the card "
            f'with device = "dsnoop:{_address(device)}" in both'
        )
    if reason == "Invalid argument":
        return f'it refuses 16-bit sound of 1 or 2 channels; try device = "plughw:{_address(device)}"'
    return f"ALSA says: {reason}; try another device, `lkedge devices` lists them"


def _missing(device: str, system: SoundSystem) -> str:
    cards = system.cards()
    named = next((card for card in cards if card_of(device) in (card.id, str(card.index))), None)
    if named is not None and not named.captures:
        return f"the card {named.name} does not capture; {listed(cards)}"
    return f"there is no such sound device; is it plugged in? {listed(cards)}"


def _address(device: str) -> str:
    return device.partition(":")[2] or "CARD=..."


def _reason(error: Exception) -> str:
    """The text without the device, which pyalsaaudio adds in brackets."""
    return str(error).partition(" [")[0].strip() or type(error).__name__
