"""What the kernel tells about sound without opening a device: readable for every user."""

from __future__ import annotations

import glob
import os
import pwd
from typing import Protocol

from lkedge_alsa.cards import Card, parse_cards


class SoundSystem(Protocol):
    """Replaced by tests."""

    def cards(self) -> list[Card]:
        """All cards, in the order of their numbers."""
        ...

    def may_open(self) -> bool:
        """Whether this user may open the sound devices that are there."""
        ...

    def user(self) -> str:
        """The name of this user."""
        ...


class LinuxSound:
    """The real one."""

    def cards(self) -> list[Card]:
        return parse_cards(_text("/proc/asound/cards"), _text("/proc/asound/pcm"))

    def may_open(self) -> bool:
        return all(os.access(path, os.R_OK | os.W_OK) for path in glob.glob("/dev/snd/control*"))

    def user(self) -> str:
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return "USER"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
