"""Where lkedge keeps what it learned about this machine, and what its workers share while they run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Of the service (systemd's CacheDirectory=), else of the user."""
    if service := environ.get("CACHE_DIRECTORY", "").split(":")[0]:
        return Path(service)
    home = environ.get("HOME") or tempfile.gettempdir()
    return Path(environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "lkedge"


def runtime_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The first of systemd's RuntimeDirectory=, the session's and the temporary folder that is ours."""
    for folder in _runtime_candidates(environ):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        # In a folder that is everybody's, another user may have been first.
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="lkedge-"))


def _runtime_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if service := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        yield Path(service)
    if session := environ.get("XDG_RUNTIME_DIR"):
        yield Path(session) / "lkedge"
    yield Path(tempfile.gettempdir()) / f"lkedge-{os.getuid()}"
