# lkedge: pure
"""Judges the board: its memory, its heat, its clock."""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.doctor.facts import MEBIBYTE, Board, Facts, Heat, Memory, Time
from lkedge.doctor.finding import Finding, fail, ok, warn

CONFIG_TXT = "/boot/firmware/config.txt"
CMDLINE_TXT = "/boot/firmware/cmdline.txt"

CGROUP_OFF = "cgroup_disable=memory"
"""What the firmware of a Raspberry Pi puts on the kernel's command line."""

LITTLE_MEMORY = 48 * MEBIBYTE
"""A worker with a camera and three layers takes about as much."""

LITTLE_CMA = 24 * MEBIBYTE
"""Free: six 1080p pictures of 3.1 MB and some buffers of an encoder."""

ENOUGH_CMA = 96 * MEBIBYTE
SMALL_BOARD = 600 * MEBIBYTE

HOT, WARM = 80.0, 70.0
"""Degrees; the firmware of a Raspberry Pi slows it down from 80 on."""

FIRST_YEAR = 2026
"""No release of lkedge is older, so a clock that says so is wrong."""

THROTTLED = {
    0x1: "the voltage is too low now",
    0x2: "its clock is capped now",
    0x4: "it is slowed down now",
    0x8: "it is at its soft temperature limit now",
    0x10000: "the voltage was too low since the start",
    0x20000: "its clock was capped since the start",
    0x40000: "it was slowed down since the start",
    0x80000: "it was at its soft temperature limit since the start",
}
"""Bits of the firmware's get_throttled (raspberrypi.com, documentation of vcgencmd)."""

LOW_VOLTAGE = 0x10001
NOW = 0xF


def check_machine(facts: Facts) -> Iterator[Finding]:
    """All of it, in the order of the report."""
    yield _board(facts.board)
    yield _memory(facts.memory)
    yield from _cma(facts.board, facts.memory)
    yield from _cgroup(facts.board, facts.memory)
    yield from _throttled(facts.heat)
    yield from _temperature(facts.heat)
    yield _clock(facts.time)


def _board(board: Board) -> Finding:
    cores = f"{board.cores} cores" if board.cores > 1 else "1 core"
    return ok("board", f"{board.model or 'unknown model'}, {cores}, {board.architecture}, Linux {board.kernel}")


def _memory(memory: Memory) -> Finding:
    seen = f"{_mib(memory.total)} MB, {_mib(memory.available)} MB available"
    if memory.available < LITTLE_MEMORY:
        return warn("memory", seen, "stop other programs, publish fewer or smaller tracks, or add swap")
    return ok("memory", seen)


def _cma(board: Board, memory: Memory) -> Iterator[Finding]:
    """Cameras and the hardware encoder of a Raspberry Pi take their buffers from here."""
    if not board.is_pi or memory.cma_total is None or memory.cma_free is None:
        return
    seen = f"{_mib(memory.cma_total)} MB, {_mib(memory.cma_free)} MB free"
    wanted = 128 if memory.total < SMALL_BOARD else 256
    remedy = f"put `dtoverlay=vc4-kms-v3d,cma-{wanted}` into {CONFIG_TXT} instead of its vc4-kms-v3d line, and reboot"
    if memory.cma_total < ENOUGH_CMA:
        yield warn("CMA memory", f"{seen}; 1080p takes up to 80 MB", remedy)
    elif memory.cma_free < LITTLE_CMA:
        yield warn("CMA memory", seen, f"end other programs that use the camera, or {remedy}")
    else:
        yield ok("CMA memory", seen)


def _cgroup(board: Board, memory: Memory) -> Iterator[Finding]:
    if memory.has_cgroup:
        return
    where = f"add `cgroup_enable=memory` to the line in {CMDLINE_TXT}, and reboot"
    remedy = where if board.is_pi else f"boot without `{CGROUP_OFF}`"
    why = f" ({CGROUP_OFF} on its command line)" if CGROUP_OFF in board.cmdline else ""
    seen = f"the kernel does not account for memory{why}, so MemoryMax= of the service does nothing"
    yield warn("memory cgroup", seen, remedy)


def _throttled(heat: Heat) -> Iterator[Finding]:
    if heat.throttled is None:
        return
    if not heat.throttled:
        yield ok("power", "no low voltage and no throttling since the start")
        return
    seen = "; ".join(text for bit, text in THROTTLED.items() if heat.throttled & bit) or f"flags {heat.throttled:#x}"
    remedy = (
        "use the power supply made for this board and a short thick cable, or give USB devices a powered hub"
        if heat.throttled & LOW_VOLTAGE
        else "cool it: a heat sink or a fan, and air around the case"
    )
    yield (fail if heat.throttled & LOW_VOLTAGE & NOW else warn)("power", seen, remedy)


def _temperature(heat: Heat) -> Iterator[Finding]:
    if heat.celsius is None:
        return
    seen = f"{heat.celsius:.0f} °C"
    if heat.celsius >= WARM:
        slow = "; the board slows itself down" if heat.celsius >= HOT else "; 80 °C is where it slows down"
        yield warn("temperature", seen + slow, "cool it: a heat sink or a fan, and air around the case")
    else:
        yield ok("temperature", seen)


def _clock(time: Time) -> Finding:
    if time.year < FIRST_YEAR:
        return fail(
            "clock",
            f"it is {time.year} by this clock: certificates and tokens are not valid yet",
            "set the time: `sudo timedatectl set-ntp true`, and let UDP port 123 through",
        )
    if time.is_synchronised is False:
        without = "" if time.has_rtc else "; without a battery-backed clock it is wrong after every power cut"
        return warn(
            "clock",
            f"not synchronised{without}",
            "`sudo timedatectl set-ntp true`, and let UDP port 123 through; tokens fail when it is minutes off",
        )
    return ok("clock", "synchronised" if time.is_synchronised else "set; whether it is synchronised is not known")


def _mib(size: int) -> int:
    return round(size / MEBIBYTE)
