"""Gain and mute of a card as controls, where the card has them. Opened anew for each use: other programs
change them too, and an open mixer shows old values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.plugin.controls import checked_value, find_control
from lkedge_alsa.library import Alsa, Mixer

MAX_MIXERS = 64


@dataclass(frozen=True, slots=True)
class _Entry:
    """One control and where it is: the index tells mixers of one name apart."""

    control: Control
    mixer: str
    index: int


class CardMixer:
    """card: its id or number; "" for a device without a card, which has no controls."""

    def __init__(self, card: str, alsa: Alsa) -> None:
        self._alsa = alsa
        self._device = f"hw:CARD={card}" if card and not card.isdigit() else f"hw:{card}"
        self._has_card = bool(card)

    def controls(self) -> tuple[Control, ...]:
        """NAME_gain in percent and NAME_mute, for every input of the mixer that has them."""
        return tuple(entry.control for entry in self._entries())

    def set_control(self, name: str, value: ControlValue) -> None:
        """Raises as Source.set_control."""
        entries = self._entries()
        control = find_control((entry.control for entry in entries), name)
        checked = checked_value(control, value)
        entry = next(entry for entry in entries if entry.control is control)
        try:
            with self._opened(entry.mixer, entry.index) as mixer:
                self._write(mixer, control, checked)
        except self._alsa.ALSAAudioError as error:
            raise SourceError(f"control {name!r} cannot be set to {value!r}: the card says {error}") from error

    def set_gain(self, percent: int) -> bool:
        """Set every gain of the card; False when it has none."""
        gains = [control.name for control in self.controls() if control.kind is ControlKind.INTEGER]
        for name in gains:
            self.set_control(name, percent)
        return bool(gains)

    def _entries(self) -> list[_Entry]:
        if not self._has_card:
            return []
        try:
            names = self._alsa.mixers(device=self._device)[:MAX_MIXERS]
            numbered = [(name, names[:position].count(name)) for position, name in enumerate(names)]
            return [entry for name, index in numbered for entry in self._entries_of(name, index)]
        except self._alsa.ALSAAudioError:
            return []

    def _entries_of(self, name: str, index: int) -> list[_Entry]:
        with self._opened(name, index) as mixer:
            return [_Entry(control, name, index) for control in self._controls_of(_slug(name, index), mixer)]

    def _controls_of(self, slug: str, mixer: Mixer) -> Iterator[Control]:
        if any(capability.endswith("Capture Volume") for capability in mixer.volumecap()):
            volume = mixer.getvolume(pcmtype=self._alsa.PCM_CAPTURE)
            if volume:
                yield Control(
                    f"{slug}_gain", ControlKind.INTEGER, max(0, min(100, volume[0])), None, 0, 100, 1, unit="%"
                )
        if any(capability.endswith("Capture Mute") for capability in mixer.switchcap()):
            yield Control(f"{slug}_mute", ControlKind.BOOLEAN, not any(mixer.getrec()))

    def _write(self, mixer: Mixer, control: Control, value: ControlValue) -> None:
        if control.kind is ControlKind.BOOLEAN:
            mixer.setrec(0 if value else 1)
        else:
            mixer.setvolume(int(value), pcmtype=self._alsa.PCM_CAPTURE)

    @contextlib.contextmanager
    def _opened(self, name: str, index: int) -> Iterator[Mixer]:
        mixer = self._alsa.Mixer(control=name, id=index, device=self._device)
        try:
            yield mixer
        finally:
            mixer.close()


def _slug(name: str, index: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    words = words if words[:1].isalpha() else f"input_{words}".rstrip("_")
    return f"{words}_{index}" if index else words
