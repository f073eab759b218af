"""The daemon inside the guest, and what can be asked of it from outside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.device.harness.guest import Guest
from tests.device.harness.machine import HOST_ADDRESS, ROOT
from tests.device.harness.packages import PYTHON
from tests.sfu.harness.daemon import config_text
from tests.sfu.harness.sfu import Sfu

FOLDER = "/srv/daemon"
STATUS = f"{FOLDER}/status.jsonl"
SCRIPT = ROOT / "tests/device/harness/observed_daemon.py"
PULSE = SCRIPT.with_name("pulse.py")
STANDSTILLS = f"{FOLDER}/standstills"
UNIT = "lkedge-under-test"
PULSE_UNIT = "pulse"
POLL_S = 0.5


class GuestDaemon:
    """A running daemon. `history` has every status it told since it started, the newest last."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._offset = 0
        self.history: list[dict[str, Any]] = []

    async def update(self) -> None:
        """Fetch what it told since the last time."""
        done = await asyncio.to_thread(self._guest.run, "tail", "-c", f"+{self._offset + 1}", STATUS)
        whole = done.stdout[: done.stdout.rfind("\n") + 1]
        self._offset += len(whole.encode())
        self.history += [json.loads(line)["status"] for line in whole.splitlines()]

    def track(self, name: str) -> dict[str, Any]:
        """The newest status of a track; {} before the first."""
        return self.track_history(name)[-1] if self.history else {}

    def track_history(self, name: str, since: int = 0) -> list[dict[str, Any]]:
        """Every status of a track from that index of `history` on."""
        return [track_of(status, name) for status in self.history[since:]]

    async def wait_for(self, predicate: Callable[[], object], deadline_s: float = 120.0) -> None:
        """Until `predicate` holds of the history. Raises TimeoutError with the journal."""
        until = time.monotonic() + deadline_s
        while not predicate():
            if time.monotonic() > until:
                newest = self.history[-1] if self.history else None
                raise TimeoutError(f"not within {deadline_s} s; {newest}\n{await self.journal()}")
            await asyncio.sleep(POLL_S)
            await self.update()

    async def wait_state(self, name: str, state: str, since: int = 0, deadline_s: float = 120.0) -> dict[str, Any]:
        """Until that track was in that state, from that index of `history` on; how it was told."""

        def matching() -> list[dict[str, Any]]:
            return [track for track in self.track_history(name, since) if track["state"] == state]

        await self.wait_for(matching, deadline_s)
        return matching()[0]

    async def wait_for_journal(self, words: str, deadline_s: float = 120.0) -> None:
        """Until its log has these words. Raises TimeoutError."""
        until = time.monotonic() + deadline_s
        while words not in (journal := await self.journal()):
            if time.monotonic() > until:
                raise TimeoutError(f"{words!r} is not in the journal within {deadline_s} s:\n{journal}")
            await asyncio.sleep(POLL_S)

    async def standstill_ms(self) -> int:
        """For how long the whole machine has stood still since the daemon was started, all times together."""
        text = await asyncio.to_thread(self._guest.pull, STANDSTILLS)
        return sum(map(int, text.split()))

    async def journal(self, lines: int = 60) -> str:
        """The end of its log."""
        done = await asyncio.to_thread(self._guest.run, "journalctl", "-u", UNIT, "-n", str(lines), "-o", "cat")
        return done.output


def track_of(status: dict[str, Any], name: str) -> dict[str, Any]:
    """That track in one status."""
    found: dict[str, Any] = next(track for track in status["tracks"] if track["name"] == name)
    return found


@asynccontextmanager
async def guest_daemon(
    guest: Guest, sfu: Sfu, room: str, tracks: str, *, plugin: ModuleType | None = None, log: str = ""
) -> AsyncIterator[GuestDaemon]:
    """The daemon of this configuration inside the guest, stopped at the end.

    plugin: a module that is loaded as one more plugin. log: levels of single modules, as LKEDGE_LOG.
    """
    url = sfu.url.replace("127.0.0.1", HOST_ADDRESS)
    files = {
        "lkedge.toml": config_text(sfu, room, tracks, url=url).encode(),
        "key": sfu.server.api_key.encode(),
        "secret": sfu.server.api_secret.encode(),
        **{path.name: path.read_bytes() for path in (SCRIPT, PULSE)},
    }
    plugins = [Path(str(plugin.__file__))] if plugin else []
    files |= {path.name: path.read_bytes() for path in plugins}
    await asyncio.to_thread(_start, guest, files, [path.stem for path in plugins], log)
    daemon = GuestDaemon(guest)
    try:
        yield daemon
    finally:
        await asyncio.to_thread(guest.run, "systemctl", "stop", UNIT, PULSE_UNIT)


def _start(guest: Guest, files: dict[str, bytes], plugins: list[str], log: str) -> None:
    guest.run("rm", "-rf", FOLDER).check()
    for name, data in files.items():
        guest.push(data, f"{FOLDER}/{name}")
    guest.run("sh", "-c", f"chmod 600 {FOLDER}/secret; touch {STATUS} {STANDSTILLS}").check()
    pulse = [PYTHON, f"{FOLDER}/{PULSE.name}", STANDSTILLS]
    guest.run("systemd-run", "-q", "--collect", f"--unit={PULSE_UNIT}", *pulse).check()
    command = [PYTHON, f"{FOLDER}/{SCRIPT.name}", f"{FOLDER}/lkedge.toml", STATUS, *plugins]
    run = ["systemd-run", "-q", "--collect", f"--unit={UNIT}", f"--setenv=LKEDGE_LOG={log}"]
    guest.run(*run, *command).check()
