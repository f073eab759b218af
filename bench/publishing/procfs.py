"""CPU time and memory of a process and its children, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """The process and all its descendants that run now."""
    found = [pid]
    for parent in found:
        for children in (PROC / str(parent) / "task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time since their start, in steps of 10 ms."""
    return sum(_ticks(pid) for pid in pids) / TICKS_PER_S


def wake_ups(pids: Iterable[int]) -> int:
    """How often their threads have waited for something since their start."""
    return sum(_voluntary(status) for pid in pids for status in (PROC / str(pid) / "task").glob("*/status"))


def pss_mib(pids: Iterable[int], *, without: Path | None = None) -> float:
    """Proportional set size, without the pages of one mapped file."""
    return sum(_pss_kib(pid, without) for pid in pids) / 1024


def anonymous_mib(pids: Iterable[int]) -> float:
    """What they have allocated; nobody else's mapping of a library changes it."""
    return sum(_kib(pid, "Pss_Anon:") for pid in pids) / 1024


def descriptors(pid: int) -> int:
    return len(list((PROC / str(pid) / "fd").iterdir()))


def threads(pid: int) -> int:
    return len(list((PROC / str(pid) / "task").iterdir()))


def name(pid: int) -> str:
    return (PROC / str(pid) / "comm").read_text().strip()


def _ticks(pid: int) -> int:
    fields = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def _voluntary(status: Path) -> int:
    lines = status.read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def _pss_kib(pid: int, without: Path | None) -> int:
    return _kib(pid, "Pss:") - (_mapped_kib(pid, without) if without else 0)


def _kib(pid: int, key: str) -> int:
    rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(key))


def _mapped_kib(pid: int, path: Path) -> int:
    """The Pss of all mappings of one file."""
    total, is_ours = 0, False
    for line in (PROC / str(pid) / "smaps").read_text().splitlines():
        key, *rest = line.split()
        if not key.endswith(":"):
            is_ours = bool(rest) and rest[-1] == str(path)
        elif is_ours and key == "Pss:":
            total += int(rest[0])
    return total
