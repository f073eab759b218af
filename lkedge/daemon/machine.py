"""Which machine this is, and where lkedge keeps what it learned about it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lkedge

MODEL_FILES = ("/proc/device-tree/model", "/sys/class/dmi/id/product_name")


@dataclass(frozen=True, slots=True)
class Machine:
    """What results of trials are valid for.

    board: "Raspberry Pi 4 Model B Rev 1.4"; "" when the machine does not say. kernel: its release.
    version: of lkedge.
    """

    board: str
    kernel: str
    version: str


def this_machine(files: Sequence[str] = MODEL_FILES) -> Machine:
    """The machine that we run on."""
    return Machine(next(filter(None, map(_first_line, files)), ""), os.uname().release, lkedge.__version__)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Of the service (systemd's CacheDirectory=), else of the user. It may not exist yet."""
    if service := environ.get("CACHE_DIRECTORY", "").split(":")[0]:
        return Path(service)
    home = environ.get("HOME") or tempfile.gettempdir()
    return Path(environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "lkedge"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
