"""The file that keeps changes made at run time: in the state directory, never among the configuration."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from lkedge.daemon.kept import Kept, from_json, to_json
from lkedge.daemon.threads import in_thread
from lkedge.errors import StateError

logger = logging.getLogger(__name__)

FILE = "changes.json"
MAX_BYTES = 1 << 20
WRITE_DEADLINE_S = 20.0
"""A worn SD card may take seconds."""


def state_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Where changes are kept; None when there is no place.

    Under systemd every instance has a directory of its own (systemd.exec, StateDirectory=). A
    user may run several configurations, so that theirs have the name and a hash of the path.

    config: the file of --config; None for the system's.
    """
    if directories := environ.get("STATE_DIRECTORY"):
        return Path(directories.partition(":")[0]) / FILE
    home = environ.get("XDG_STATE_HOME") or (f"{environ['HOME']}/.local/state" if environ.get("HOME") else "")
    if not home:
        return None
    if config is None:
        return Path(home) / "lkedge" / FILE
    digest = hashlib.sha256(os.fsencode(config.absolute())).hexdigest()[:8]
    return Path(home) / "lkedge" / f"{config.stem}-{digest}-{FILE}"


class StateFile:
    """Read once, at the start; written whole, in a thread. Owned by the event loop.

    path: None refuses to keep anything.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._turn = asyncio.Lock()

    def read(self) -> Kept:
        """What was kept. A file that makes no sense is set aside with a warning, and nothing is kept then."""
        if self.path is None or not self.path.exists():
            return Kept()
        try:
            with self.path.open("rb") as file:
                return from_json(json.loads(file.read(MAX_BYTES)))
        except OSError as error:
            logger.warning("changes made at run time are lost: %s cannot be read: %s", self.path, error.strerror)
        except (ValueError, RecursionError) as error:
            self._set_aside(self.path, error)
        return Kept()

    def check(self) -> None:
        """Whether it can be written, as far as that can be told beforehand. Raises StateError."""
        folder = self._path().parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(_cannot(folder, error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StateError(f"the change cannot be kept: {folder} is not writable")

    async def write(self, kept: Kept) -> None:
        """Replace the file; after a power failure it is the old or the new one. Raises StateError."""
        path = self._path()
        data = json.dumps(to_json(kept), indent=1, ensure_ascii=False).encode()
        try:
            async with self._turn, asyncio.timeout(WRITE_DEADLINE_S):
                await in_thread("state", lambda: _replace(path, data))
        except OSError as error:
            # TimeoutError is one, too.
            raise StateError(_cannot(path, error)) from error

    def _path(self) -> Path:
        if self.path is None:
            raise StateError(
                "the change cannot be kept: there is no state directory; set StateDirectory= in the unit, or $HOME"
            )
        return self.path

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"{path.name}.broken")
        with contextlib.suppress(OSError):
            os.replace(path, aside)
        logger.warning("changes made at run time are lost: %s makes no sense (%s); it is now %s", path, error, aside)


def _replace(path: Path, data: bytes) -> None:
    """In the writing thread: everything is on the disk before the name is, and the name before we return."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cannot(path: Path, error: OSError) -> str:
    return f"the change holds but is not kept over a restart: {path} cannot be written: {error.strerror or 'too slow'}"
