"""What a process takes, as /proc says (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

from lkedge.control.metrics import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def usage(pid: int) -> Usage | None:
    """CPU time and memory of a process; None when it is gone."""
    folder = Path("/proc", str(pid))
    try:
        # The name stands in parentheses and may hold anything; the fields count from the last one.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, pages * _PAGE_SIZE)


def open_files() -> int:
    """File descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))
