"""The packages under test: found, and changed into the next version."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.finished import Finished
from tests.service.harness.machine import Machine

DEADLINE_S = 120
APT_DEADLINE_S = 200.0


def find_package(lab: Path, suite: str, architecture: str) -> Path:
    """The built package. Raises FileNotFoundError saying how to get it."""
    number = {"trixie": 13, "bookworm": 12}[suite]
    found = sorted((lab / "packages").glob(f"lkedge_*+deb{number}_{architecture}.deb"))
    if not found:
        raise FileNotFoundError(
            f"no package for {suite} {architecture} in {lab}/packages: run tools/setup-service-lab.sh"
        )
    return found[-1]


def install(machine: Machine, package: Path) -> Finished:
    """Install a package with apt, nothing asked. Raises LabError."""
    machine.run("sh", "-c", 'cat > "$0"', f"/tmp/{package.name}", data=package.read_bytes()).check()
    return apt(machine, "install", f"/tmp/{package.name}").check()


def apt(machine: Machine, *words: str) -> Finished:
    """Run apt-get inside; changed conffiles are kept, as apt does when nobody answers."""
    options = [
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        "Dpkg::Options::=--force-confold",
    ]
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", *options, *words]
    return machine.run(*command, timeout=APT_DEADLINE_S)


def next_version(package: Path, folder: Path, changed: dict[str, str]) -> Path:
    """The same package with a higher version, its files of /etc replaced by those of `changed` (path to text)."""
    tree = folder / "tree"
    _run("dpkg-deb", "-R", str(package), str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("-1+deb", "-2+deb"))
    for name, text in changed.items():
        (tree / name).write_text(text)
    result = folder / package.name.replace("-1+deb", "-2+deb")
    _run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree), str(result))
    return result


def _run(*command: str) -> None:
    subprocess.run(
        command, check=True, timeout=DEADLINE_S, stdout=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"}
    )
