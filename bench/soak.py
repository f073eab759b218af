"""A long life in short: what the daemon holds on to while everything around it comes and goes.

    python -m bench.soak [--minutes 30] [--json]

Each turn a viewer joins, sees pictures and leaves, a worker is killed, the server is restarted, or
the daemon is asked to reload or reconnect. After each turn memory, descriptors and threads of the
daemon and all its processes are read. What grows from one quarter of the turns to the next is a
leak; the last lines tell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.publishing import procfs
from bench.publishing.contenders import LKEDGE, Running, Stage, publishing
from bench.publishing.viewing import ViewerHandle, viewing
from lkedge.demo import livekit_server
from tests.sfu.harness.sfu import Sfu

ROOM = "soak"
WIDTH, HEIGHT, FRAMERATE = 640, 360, 10
REST_S = 4.0
"""Longer than Dynacast's pause and the source's idle time, so that each reading is of the same state."""

PICTURE_DEADLINE_S = 60.0
"""After a restart of the server the next attempt to join may be half a minute away."""


@dataclass(frozen=True)
class Reading:
    """Of the daemon and all its processes, at rest. at_s: since the start."""

    at_s: float
    turn: str
    pss_mib: float
    allocated_mib: float
    daemon_allocated_mib: float
    descriptors: int
    threads: int
    processes: int
    picture_after_s: float


class Soak:
    """One daemon and one server, and the turns."""

    def __init__(self, stage: Stage, running: Running) -> None:
        self._stage = stage
        self._running = running
        self._begun = time.monotonic()
        self.turns: tuple[Callable[[], Awaitable[None]], ...] = (
            self.viewer_only,
            self.worker_killed,
            self.viewer_only,
            self.server_restarted,
            self.reloaded,
            self.sound_killed,
        )

    async def viewer_only(self) -> None:
        """Nothing but a viewer that comes and goes."""

    async def worker_killed(self) -> None:
        await self._kill("lkedge:picture")

    async def sound_killed(self) -> None:
        await self._kill("lkedge:tone")

    async def server_restarted(self) -> None:
        await self._stage.sfu.stop()
        await self._stage.sfu.start()

    async def reloaded(self) -> None:
        os.kill(self._running.process.pid, signal.SIGHUP)

    async def take(self, turn: Callable[[], Awaitable[None]]) -> Reading:
        """Let it happen while a viewer watches, see pictures again with a new one, and read at rest."""
        async with self._viewer():
            await turn()
        begun = time.monotonic()
        async with self._viewer():
            after_s = time.monotonic() - begun
        await asyncio.sleep(REST_S)
        return self._reading(getattr(turn, "__name__", "?"), after_s)

    async def _kill(self, name: str) -> None:
        for pid in self._running.pids:
            if procfs.name(pid) == name:
                os.kill(pid, signal.SIGKILL)

    @asynccontextmanager
    async def _viewer(self) -> AsyncIterator[ViewerHandle]:
        """One that has seen a picture."""
        begun_ns = time.monotonic_ns()
        async with viewing(self._stage, ROOM) as viewer:
            await viewer.expect(begun_ns, deadline_s=PICTURE_DEADLINE_S, event="picture")
            yield viewer

    def _reading(self, turn: str, after_s: float) -> Reading:
        pids = self._running.pids
        return Reading(
            at_s=round(time.monotonic() - self._begun, 1),
            turn=turn,
            pss_mib=round(procfs.pss_mib(pids), 2),
            allocated_mib=round(procfs.anonymous_mib(pids), 2),
            daemon_allocated_mib=round(procfs.anonymous_mib([self._running.process.pid]), 2),
            descriptors=sum(procfs.descriptors(pid) for pid in pids),
            threads=sum(procfs.threads(pid) for pid in pids),
            processes=len(pids),
            picture_after_s=round(after_s, 2),
        )


async def soak(folder: Path, minutes: float) -> list[Reading]:
    """Turns until the time is over. Raises TimeoutError when pictures do not come back."""
    binary = livekit_server.find()
    if binary is None:
        sys.exit("no livekit-server: run tools/setup-livekit-server.sh")
    sfu = Sfu(binary, folder, dynacast_pause_delay_s=1.0)
    await sfu.start()
    stage = Stage(sfu, "vp8", folder, None, width=WIDTH, height=HEIGHT, framerate=FRAMERATE)
    readings: list[Reading] = []
    end = time.monotonic() + minutes * 60
    try:
        async with publishing(LKEDGE, stage, ROOM) as running:
            life = Soak(stage, running)
            while time.monotonic() < end:
                reading = await life.take(life.turns[len(readings) % len(life.turns)])
                readings.append(reading)
                print(_line(reading), file=sys.stderr, flush=True)
    finally:
        await sfu.stop()
    return readings


def growth(readings: Sequence[Reading], field: str) -> tuple[float, float]:
    """Medians of the second and of the last quarter; the first one is warming up."""
    quarter = max(1, len(readings) // 4)
    values = [float(getattr(reading, field)) for reading in readings]
    return statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])


def _line(reading: Reading) -> str:
    return "  ".join(f"{name} {value}" for name, value in asdict(reading).items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", action="store_true", help="print all readings as one JSON array")
    parser.add_argument("--logs", type=Path, help="keep the logs of daemon and server in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lkedge-soak-") as temporary:
        folder = arguments.logs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        readings = asyncio.run(soak(folder, arguments.minutes))
    if arguments.json:
        print(json.dumps([asdict(reading) for reading in readings]))
    for field in ("allocated_mib", "daemon_allocated_mib", "descriptors", "threads", "processes", "picture_after_s"):
        before, after = growth(readings, field)
        print(f"{field:20} {before:8.2f} -> {after:8.2f}  (x {after / before if before else 1:.3f})")


if __name__ == "__main__":
    main()
