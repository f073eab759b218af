"""A folder that looks like /sys/class/leds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MakeLed = Callable[..., Path]


@pytest.fixture
def make_led(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeLed:
    """Adds an LED to the folder in which the plugin looks."""
    monkeypatch.setattr("lkedge_indicator.led.FOLDER", tmp_path)

    def make(name: str, trigger: str = "none [mmc0] timer", brightness: int = 1, full: int = 255) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "brightness").write_text(f"{brightness}\n")
        (folder / "max_brightness").write_text(f"{full}\n")
        if trigger:
            (folder / "trigger").write_text(f"{trigger}\n")
        return folder

    return make
