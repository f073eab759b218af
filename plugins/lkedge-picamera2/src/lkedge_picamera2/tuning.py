"""Finds a tuning file by its name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from lkedge.errors import SourceUnavailable

FOLDERS = tuple(
    Path(base) / "libcamera/ipa/rpi" / platform
    for base in ("/usr/local/share", "/usr/share")
    for platform in ("vc4", "pisp")
)
PISP = "/proc/device-tree/compatible"


def find_tuning_file(name: str, folders: Sequence[Path] = FOLDERS) -> str:
    """The absolute path; "" for "".

    Raises:
        SourceUnavailable: there is none; names near ones.
    """
    if not name:
        return ""
    if "/" in name:
        if Path(name).is_file():
            return str(Path(name).absolute())
        raise SourceUnavailable(f'tuning_file = "{name}": there is no such file')
    for folder in _of_this_board(folders):
        if (folder / name).is_file():
            return str(folder / name)
    raise SourceUnavailable(f'tuning_file = "{name}": libcamera brings none of this name{_hint(name, folders)}')


def _of_this_board(folders: Sequence[Path]) -> list[Path]:
    """A Pi 5 (BCM2712) has another ISP, with files of the same names; its own come first."""
    try:
        is_pisp = b"bcm2712" in Path(PISP).read_bytes()
    except OSError:
        is_pisp = False
    return sorted(folders, key=lambda folder: (folder.name == "pisp") != is_pisp)


def _hint(name: str, folders: Sequence[Path]) -> str:
    known = {path.name for folder in folders for path in folder.glob("*.json")}
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; looked in {', '.join(map(str, folders))}"
