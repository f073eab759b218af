"""Reads small files of /proc, /sys and /etc below a root that tests replace, and asks programs briefly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

PROGRAM_S = 5.0


class Files:
    """root: "/" of the machine. What cannot be read is empty."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def text(self, path: str) -> str:
        """Without the white space and zero bytes around it."""
        try:
            return self._at(path).read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
        except OSError:
            return ""

    def strings(self, path: str) -> tuple[str, ...]:
        """A list of the device tree, whose strings end with zero bytes."""
        return tuple(filter(None, self.text(path).split("\0")))

    def glob(self, pattern: str) -> Iterator[str]:
        """Paths as they are on the machine, in order."""
        try:
            found = sorted(self.root.glob(pattern.lstrip("/")))
        except OSError:
            return
        for path in found:
            yield "/" + str(path.relative_to(self.root))

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def output_of(*command: str, timeout_s: float = PROGRAM_S) -> str:
    """What a program prints; "" when it is not there, fails or hangs."""
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()
