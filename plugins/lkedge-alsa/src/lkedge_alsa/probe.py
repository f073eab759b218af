"""Which cards capture, with configuration to paste."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import DeviceInfo
from lkedge.terms import TrackKind
from lkedge_alsa.cards import CaptureDevice, Card, hw_name
from lkedge_alsa.library import Alsa, load
from lkedge_alsa.refusal import unavailable
from lkedge_alsa.system import LinuxSound, SoundSystem

RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


def probe(system: SoundSystem | None = None, alsa: Alsa | None = None) -> list[DeviceInfo]:
    """All devices of all cards that capture, also those that are in use or may not be opened."""
    system = system or LinuxSound()
    return [_device_info(card, device, system, alsa) for card in system.cards() for device in card.captures]


def _device_info(card: Card, device: CaptureDevice, system: SoundSystem, alsa: Alsa | None) -> DeviceInfo:
    name = hw_name(card, device)
    details = {"device": name, **_abilities(name, system, alsa)}
    return DeviceInfo("alsa", f"{card.name}, {device.name}", TrackKind.AUDIO, "\n".join(_config(card, name)), details)


def _abilities(name: str, system: SoundSystem, alsa: Alsa | None) -> dict[str, str]:
    """What the card can do; it must be opened for that."""
    try:
        alsa = alsa or load()
    except SourceUnavailable as error:
        return {"state": str(error)}
    try:
        # Some cards (snd-aloop) only offer what they were opened with.
        pcm = alsa.PCM(type=alsa.PCM_CAPTURE, mode=alsa.PCM_NONBLOCK, device=name, rate=48_000)
    except alsa.ALSAAudioError as error:
        return {"state": str(unavailable(name, error, system))}
    try:
        return {
            "channels": ", ".join(map(str, pcm.getchannels())),
            "rates": ", ".join(map(str, _rates(pcm.getrates()))),
            "formats": ", ".join(pcm.getformats()),
        }
    except alsa.ALSAAudioError as error:
        return {"state": f"ALSA says: {error}"}
    finally:
        pcm.close()


def _rates(rates: object) -> list[int]:
    """pyalsaaudio gives one rate, a range as a tuple, or a list of rates."""
    if isinstance(rates, tuple) and len(rates) == 2:
        low, high = rates
        return [rate for rate in RATES if low <= rate <= high] or [low, high]
    return [int(rate) for rate in rates] if isinstance(rates, list | tuple) else [int(str(rates))]


def _config(card: Card, device: str) -> Iterator[str]:
    yield "[[track]]"
    yield f'name = "{"-".join(re.findall("[a-z0-9]+", card.id.lower())) or "microphone"}"'
    yield 'source = "alsa"'
    yield f'alsa = {{ device = "{device}" }}'
