"""Memory of publishing three layers: PSS of the daemon and its workers, and of the SDK's process."""

from __future__ import annotations

from bench.publishing import procfs
from bench.publishing.contenders import CONTENDERS, LKEDGE, Running, Stage
from bench.publishing.cpu import Say, watched
from bench.publishing.results import Row, at_most


async def measure_memory(stage: Stage, say: Say) -> list[Row]:
    """One reading of each, after the warm-up; memory is not noisy."""
    rows = [Row(f"{stage.codec}: memory (PSS)", "MiB", (at_most(120),))]
    for name in CONTENDERS:
        say(f"memory of {name}")
        async with watched(name, stage, f"memory-{stage.codec}-{name}") as scene:
            rows[0].add(name, scene.running.pss_mib())
            if name == LKEDGE:
                rows += _parts(scene.running)
    return rows


def _parts(running: Running) -> list[Row]:
    """A row for each process."""
    rows = []
    for pid in running.pids:
        row = Row(f"  of that process {procfs.name(pid)}", "MiB")
        row.add(running.name, procfs.pss_mib([pid], without=running.clip))
        rows.append(row)
    return rows
