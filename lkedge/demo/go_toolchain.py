"""A Go that is new enough, from whatever Go is installed.

livekit-server needs Go 1.26. Go 1.21 and later fetch a newer toolchain from the Go module
proxy by themselves (GOTOOLCHAIN). Debian 12 has Go 1.19, which does not; but the toolchain is
an ordinary module, `golang.org/toolchain`, that any Go can download and verify, so the same is
done for it here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from lkedge.demo.progress import Progress
from lkedge.errors import LkedgeError

NEEDED = (1, 26)
TOOLCHAIN = "1.26.8"
SWITCHES_BY_ITSELF = (1, 21)
"""The first Go that knows GOTOOLCHAIN."""


class NoServer(LkedgeError):
    """No livekit-server can be had on this machine; the message says what to install."""

    retryable = False


def go_environment(progress: Progress) -> dict[str, str]:
    """The environment in which `go` is at least NEEDED.

    Raises:
        NoServer: there is no Go, or no newer one can be had.
    """
    if shutil.which("go") is None:
        raise NoServer("there is no Go to build livekit-server with: `apt-get install golang-go`")
    version = parse_version(_go("env", "GOVERSION") or _go("version"))
    env = dict(os.environ)
    if version >= NEEDED:
        return env
    if version >= SWITCHES_BY_ITSELF:
        return env | {"GOTOOLCHAIN": f"go{TOOLCHAIN}+auto"}
    progress.step(f"fetching Go {TOOLCHAIN}")
    root = _fetched_toolchain()
    if root is None:
        raise NoServer(
            f"livekit-server needs Go {NEEDED[0]}.{NEEDED[1]}, this is {version[0]}.{version[1]}, and the "
            "Go module proxy has no newer one for this machine; install a newer Go, or put livekit-server on the PATH"
        )
    return env | {"PATH": f"{root / 'bin'}{os.pathsep}{env['PATH']}", "GOROOT": str(root), "GOTOOLCHAIN": "local"}


def parse_version(text: str) -> tuple[int, int]:
    """(1, 26) of "go1.26.8" or "go version go1.26.8 linux/amd64"; (0, 0) when there is none."""
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _go(*arguments: str) -> str:
    done = subprocess.run(["go", *arguments], capture_output=True, text=True, timeout=600, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _fetched_toolchain() -> Path | None:
    """The toolchain's folder beside the module it came from, made usable as `go` itself does."""
    platform = f"{_go('env', 'GOOS')}-{_go('env', 'GOARCH')}"
    answer = _go("mod", "download", "-json", f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.{platform}")
    if not answer:
        return None
    module = Path(json.loads(answer)["Dir"])
    root = module.with_name(f"lkedge-{module.name.replace('@', '-')}")
    if not (root / "bin" / "go").exists():
        _unpack(module, root)
    return root


def _unpack(module: Path, root: Path) -> None:
    """Modules carry neither executables nor a nested go.mod: give both back."""
    unfinished = root.with_name(root.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(module, unfinished)
    for folder, _, names in os.walk(unfinished):
        Path(folder).chmod(0o755)
        for name in names:
            _restore(Path(folder) / name, unfinished)
    unfinished.rename(root)


def _restore(path: Path, root: Path) -> None:
    if path.name == "_go.mod":
        path.rename(path.with_name("go.mod"))
    elif path.relative_to(root).parts[:1] == ("bin",) or path.relative_to(root).parts[:2] == ("pkg", "tool"):
        path.chmod(0o755)
