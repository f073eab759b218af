"""`lkedge run` that writes its status down: one JSON line {"at_ns", "status"} per change, for the tests outside.

Usage: observed_daemon.py CONFIGURATION STATUS_FILE [PLUGIN...]
PLUGIN: a module beside this one; workers find it too, since they have our import path.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from lkedge import log
from lkedge.config.loader import load
from lkedge.daemon.app import Daemon
from lkedge.plugin.manager import PluginManager
from lkedge.worker import host, watch

INTERVAL_S = 0.1
PATIENCE_S = 60.0
"""How long a worker may be silent here: an emulated machine whose host is busy stands still for seconds."""


class PatientWatch(watch.StallWatch):
    """Told of a hang later than on real hardware."""

    def __init__(self, stall_after_s: float, now_ns: int) -> None:
        super().__init__(max(stall_after_s, PATIENCE_S), now_ns)


async def observe(daemon: Daemon, changed: asyncio.Event, stopped: asyncio.Event, out: TextIO) -> None:
    """Write every status that differs from the one before; looked at after every change and each second."""
    last = ""
    while not stopped.is_set():
        status = json.dumps(dataclasses.asdict(daemon.status()))
        if status != last:
            print(json.dumps({"at_ns": time.monotonic_ns(), "status": json.loads(status)}), file=out, flush=True)
            last = status
        await asyncio.sleep(INTERVAL_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), 1.0)
        changed.clear()


async def main(configuration: Path, status_file: Path, targets: list[str]) -> None:
    changed, stopped = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        stopped.set()
        changed.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    vars(host)["StallWatch"] = PatientWatch
    plugins = PluginManager(targets=targets)
    config = load(configuration, plugins.registry)
    log.configure(config.log_level)
    daemon = Daemon(config, plugins=plugins, on_changed=changed.set)
    await daemon.start()
    with status_file.open("w") as out:
        await observe(daemon, changed, stopped, out)
    await daemon.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
