"""Where a livekit-server comes from: LKEDGE_LIVEKIT_SERVER, the PATH, the cache, or one built with Go.

Builds go to ${XDG_CACHE_HOME:-~/.cache}/lkedge/livekit-server/<version>/livekit-server, once:
a build happens in a folder beside it and is renamed into place, and a lock keeps two builds
of one machine apart. Needs nothing but the standard library, so that set-up can run it:

    python3 -m lkedge.demo.livekit_server build 1.13.5
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lkedge.demo.go_toolchain import NoServer, go_environment
from lkedge.demo.progress import Progress

VERSION = "1.13.5"
"""The server that lkedge is developed against."""

PREVIOUS_VERSION = "1.9.12"
"""The older server that the compatibility test runs."""

MODULE = "github.com/livekit/livekit-server/cmd/server"


def cached_path(version: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a built server of that version is kept, whether or not it is there."""
    cache = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".cache")
    return Path(cache) / "lkedge" / "livekit-server" / version / "livekit-server"


def find(version: str | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """A server that is there already, or None.

    version: exactly this one, from the cache or the PATH; None takes LKEDGE_LIVEKIT_SERVER,
        else whatever is on the PATH, else VERSION from the cache.
    """
    chosen = environ.get("LKEDGE_LIVEKIT_SERVER")
    if version is None and chosen:
        return Path(chosen)
    on_path = shutil.which("livekit-server", path=environ.get("PATH"))
    if on_path and (version is None or version_of(Path(on_path)) == version):
        return Path(on_path)
    cached = cached_path(version or VERSION, environ)
    return cached if os.access(cached, os.X_OK) else None


def version_of(binary: Path) -> str:
    """What the binary says of itself, such as "1.13.5"; "" when it says nothing."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.split()
    return words[-1] if words else ""


def ensure(version: str | None = None) -> Path:
    """A server that is there, or else one built now. Raises NoServer."""
    return find(version) or build(version or VERSION)


def build(version: str) -> Path:
    """Build that version into the cache with progress on standard error; cheap when it is there.

    Raises:
        NoServer: there is no Go, or the build failed.
    """
    target = cached_path(version)
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent.parent / f"{version}.lock"):
        if not os.access(target, os.X_OK):
            _build_into(target, version)
    return target


def _build_into(target: Path, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=target.parent.parent) as folder:
        with Progress(f"building livekit-server {version} with Go (once; 1 to 5 minutes)") as progress:
            env = go_environment(progress) | {"GOBIN": folder, "CGO_ENABLED": "0"}
            _go_install(f"{MODULE}@v{version}", env, progress)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(Path(folder) / "server", target)


def _go_install(package: str, env: Mapping[str, str], progress: Progress) -> None:
    command = ["go", "install", "-v", package]
    tail: list[str] = []
    with subprocess.Popen(command, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as go:
        assert go.stderr is not None
        try:
            for line in go.stderr:
                tail = [*tail[-19:], line.rstrip()]
                progress.step(line.strip())
        except BaseException:
            go.terminate()
            raise
    if go.returncode:
        raise NoServer("livekit-server could not be built:\n  " + "\n  ".join(tail))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """`build VERSION...` builds what is missing; `find [VERSION]` prints the path. Exit code 1 when there is none."""
    try:
        if arguments[:1] == ["build"] and len(arguments) > 1:
            for version in arguments[1:]:
                print(find(version) or build(version))
            return 0
        if arguments[:1] == ["find"]:
            found = find(arguments[1] if arguments[1:] else None)
            print(found or "")
            return 0 if found else 1
    except NoServer as error:
        print(error, file=sys.stderr)
        return 1
    print(main.__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
