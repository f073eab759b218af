"""A light of the kernel's LED class: Documentation/leds/leds-class.rst, ABI/testing/sysfs-class-led."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from lkedge.errors import PluginError

FOLDER = Path("/sys/class/leds")
NO_TRIGGER = "none"


class Led:
    """One LED. The kernel's own use of it, its trigger, is set aside and restored at the end."""

    def __init__(self, name: str, *, active_low: bool = False) -> None:
        """Raises PluginError: there is no such light, or it may not be written."""
        self._path = FOLDER / name
        if "/" in name or not self._path.is_dir():
            raise PluginError(f'indicator: there is no led "{name}" in {FOLDER}; there are: {_names()}')
        self._is_active_low = active_low
        try:
            self._brightness_before = self._read("brightness")
            self._full = self._read("max_brightness")
            self._trigger_before = self._trigger()
            self._write("trigger", NO_TRIGGER)
            self.set(False)
        except OSError as error:
            raise PluginError(
                f'indicator: led "{name}" cannot be used: {error.strerror}; let the user of lkedge write '
                f"{self._path}/brightness and trigger (README of lkedge-indicator: a udev rule)"
            ) from error

    def set(self, is_on: bool) -> None:
        self._write("brightness", self._full if is_on is not self._is_active_low else "0")

    def close(self) -> None:
        self.set(False)
        if self._trigger_before != NO_TRIGGER:
            self._write("trigger", self._trigger_before)
        elif self._is_active_low:
            self._write("brightness", self._brightness_before)

    def _trigger(self) -> str:
        """The present one, which stands in brackets; an LED without triggers has no such file."""
        with contextlib.suppress(FileNotFoundError):
            found = re.search(r"\[(\S+)\]", self._read("trigger"))
            return found[1] if found else NO_TRIGGER
        return NO_TRIGGER

    def _read(self, attribute: str) -> str:
        return (self._path / attribute).read_text().strip()

    def _write(self, attribute: str, value: str) -> None:
        path = self._path / attribute
        if attribute == "trigger" and not path.exists():
            return
        path.write_text(value)


def _names() -> str:
    names = sorted(path.name for path in FOLDER.iterdir()) if FOLDER.is_dir() else []
    return ", ".join(names) or "none"
