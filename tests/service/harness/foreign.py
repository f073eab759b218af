"""A root of another architecture, whose programs an emulator runs; nothing is booted in it."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.finished import Finished
from tests.service.harness.machine import PATH

COMMAND_DEADLINE_S = 400.0

HOLD = """
mount -t tmpfs tmpfs {folder} && mkdir {folder}/upper {folder}/work {folder}/root &&
mount -t overlay -o lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root &&
mount -t proc proc {folder}/root/proc && mount --rbind /dev {folder}/root/dev && echo ready && exec cat
"""


class Foreign:
    """Runs commands in the root, below a copy-on-write layer that goes with it."""

    def __init__(self, folder: Path, holder: int) -> None:
        self._folder = folder
        self._holder = holder

    @property
    def enter(self) -> list[str]:
        """The command that goes before one to be run inside."""
        namespaces = ["nsenter", "--target", str(self._holder), "--mount"]
        return [*namespaces, "chroot", f"{self._folder}/root", "env", "-i", PATH, "HOME=/root", "LC_ALL=C.UTF-8"]

    def run(self, *argv: str, data: str | bytes = b"", timeout: float = COMMAND_DEADLINE_S) -> Finished:
        """Run a command as root inside to its end."""
        stdin = data.encode() if isinstance(data, str) else data
        done = subprocess.run([*self.enter, *argv], input=stdin, capture_output=True, timeout=timeout)
        return Finished(
            argv, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )


@contextmanager
def foreign_root(lower: Path) -> Iterator[Foreign]:
    """A root to run commands in, gone at the end with all that was started in it."""
    folder = Path(tempfile.mkdtemp(prefix="lkedge-foreign-"))
    script = HOLD.format(folder=folder, lower=shlex.quote(str(lower.resolve())))
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-ec", script]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"ready\n", "the overlay of the foreign root cannot be mounted"
        yield Foreign(folder, holder.pid)
    finally:
        holder.communicate(timeout=10)
        folder.rmdir()
