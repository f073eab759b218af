"""Reads the facts of the board: model, memory, heat, clock."""

from __future__ import annotations

import ctypes
import os
import platform
import time

from lkedge.doctor.facts import Board, Heat, Memory, Time
from lkedge.doctor.files import Files, output_of

KIB = 1024

THROTTLED = "/sys/devices/platform/soc*/*firmware/get_throttled"
"""The Raspberry Pi 5 has addresses in these names."""

TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that is not synchronised."""

TIMEX_SIZE = 256
"""struct timex has 208 bytes on 64-bit machines; its first member, `modes`, is 0 for reading."""


def read_board(files: Files) -> Board:
    model = files.text("/proc/device-tree/model") or files.text("/sys/class/dmi/id/product_name")
    return Board(
        model=model,
        chips=files.strings("/proc/device-tree/compatible"),
        kernel=files.text("/proc/sys/kernel/osrelease"),
        architecture=platform.machine(),
        cores=os.cpu_count() or 1,
        cmdline=files.text("/proc/cmdline"),
    )


def read_memory(files: Files) -> Memory:
    values = dict(filter(None, map(_meminfo, files.text("/proc/meminfo").splitlines())))
    return Memory(
        total=values.get("MemTotal", 0),
        available=values.get("MemAvailable", 0),
        cma_total=values.get("CmaTotal"),
        cma_free=values.get("CmaFree"),
        has_cgroup=_has_memory_cgroup(files),
    )


def read_heat(files: Files) -> Heat:
    zones = [
        int(text)
        for path in files.glob("/sys/class/thermal/thermal_zone*/temp")
        if _is_number(text := files.text(path))
    ]
    return Heat(max(zones) / 1000 if zones else None, _throttled(files))


def read_time(files: Files) -> Time:
    has_rtc = any(True for _ in files.glob("/sys/class/rtc/rtc*"))
    return Time(_is_synchronised(), has_rtc, time.gmtime().tm_year)


def _meminfo(line: str) -> tuple[str, int] | None:
    """ "CmaFree:  1234 kB"."""
    name, _, rest = line.partition(":")
    words = rest.split()
    return (name, int(words[0]) * KIB) if words and words[0].isdigit() else None


def _has_memory_cgroup(files: Files) -> bool:
    """In the unified hierarchy, or as a controller of the old kind that is switched on."""
    controllers = files.text("/sys/fs/cgroup/cgroup.controllers")
    if controllers:
        return "memory" in controllers.split()
    lines = (line.split() for line in files.text("/proc/cgroups").splitlines())
    return any(words[0] == "memory" and words[-1] == "1" for words in lines if words)


def _throttled(files: Files) -> int | None:
    """The firmware's flags, from sysfs or from its tool."""
    text = next(map(files.text, files.glob(THROTTLED)), "") or output_of("vcgencmd", "get_throttled").partition("=")[2]
    try:
        return int(text, 16)
    except ValueError:
        return None


def _is_synchronised() -> bool | None:
    libc = ctypes.CDLL(None, use_errno=True)
    state: int = libc.adjtimex(ctypes.create_string_buffer(TIMEX_SIZE))
    return None if state < 0 else state != TIME_ERROR


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()
