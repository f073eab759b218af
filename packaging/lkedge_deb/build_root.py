"""The folder with a release of Debian in which compilers and that release's Python run (packaging/build-root.sh)."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

DEADLINE_S = 600
MOUNTED = Path("/mnt")
"""Where the folder that is worked on appears inside."""


def run_inside(root: Path, folder: Path, command: list[str]) -> None:
    """Run a command in the root with `folder` at /mnt; needs root. The mount ends with the command."""
    script = (
        f"mount --bind {shlex.quote(str(folder))} {shlex.quote(str(root))}{MOUNTED}"
        f" && exec chroot {shlex.quote(str(root))} env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 {shlex.join(command)}"
    )
    subprocess.run(["unshare", "--mount", "sh", "-c", script], check=True, timeout=DEADLINE_S)
