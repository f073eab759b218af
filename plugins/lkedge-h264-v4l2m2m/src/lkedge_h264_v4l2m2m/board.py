"""Which board this is, and what is known of the encoders on boards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MODEL_FILES = ("/proc/device-tree/model", "/sys/class/dmi/id/product_name")


@dataclass(frozen=True, slots=True)
class KnownEncoder:
    """pixel_rate: luma samples per second of all encoders together. source: who says so."""

    driver: str
    models: tuple[str, ...]
    pixel_rate: int
    source: str


KNOWN_ENCODERS = (
    KnownEncoder(
        "bcm2835-codec",
        ("Raspberry Pi",),
        62_700_000,
        "1080p30 and a little, shared by all instances: the VideoCore IV block of the Pi Zero to the Pi 4 "
        "(waveform80/picamera#270, 6by9); the Pi 5 has none",
    ),
)


@dataclass(frozen=True, slots=True)
class Board:
    """model: "Raspberry Pi 4 Model B Rev 1.4"; "" when the machine does not say. kernel: its release."""

    model: str
    kernel: str


def this_board(files: Sequence[str] = MODEL_FILES) -> Board:
    """The machine that we run on."""
    return Board(next(filter(None, map(_first_line, files)), ""), os.uname().release)


def known_pixel_rate(driver: str, board: Board) -> int:
    """From the table; 0 when the encoder has to be measured."""
    for known in KNOWN_ENCODERS:
        if driver == known.driver and board.model.startswith(known.models):
            return known.pixel_rate
    return 0


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
