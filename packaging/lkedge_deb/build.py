"""One package from beginning to end."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lkedge_deb import control, extension, stage, wheels
from lkedge_deb.target import Target

DEADLINE_S = 600


@dataclass(frozen=True, slots=True)
class Order:
    """What to build. root: the build root of the target's suite. epoch: Unix seconds, the time of every file."""

    target: Target
    root: Path
    version: str
    epoch: int

    @property
    def full_version(self) -> str:
        """A higher one for a newer release of Debian, so that an upgrade of Debian brings the package for it."""
        return f"{self.version}-1+deb{self.target.suite.number}"

    @property
    def file_name(self) -> str:
        return f"lkedge_{self.full_version}_{self.target.architecture.debian}.deb"


def build(order: Order, own: Path, out: Path) -> Path:
    """Build the package into `out`. own: folder with the wheels of this checkout."""
    with tempfile.TemporaryDirectory(prefix="lkedge-deb-") as name:
        work = Path(name)
        tree = work / "tree"
        _fill(order, own, work, tree)
        stage.compile_bytecode(tree, order.root, order.target)
        control.add_changelog(tree, order.target, order.full_version, order.epoch)
        control.write_control(tree, order.target, order.full_version)
        _normalize(tree, order.epoch)
        return _pack(order, tree, out)


def _fill(order: Order, own: Path, work: Path, tree: Path) -> None:
    target = order.target
    stage.make_venv(tree, target)
    wheels.download(target, own, work / "wheels")
    packages = stage.site_packages(tree, target)
    wheels.install(target, work / "wheels", packages)
    extension.build_extension(target, order.root, work / "sdist", packages)
    stage.add_commands(tree, target)
    stage.add_files(tree, target)


def _normalize(tree: Path, epoch: int) -> None:
    """Modes and times that depend on nothing but the content."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _pack(order: Order, tree: Path, out: Path) -> Path:
    """One thread: how xz divides its work among several shows in the result."""
    out.mkdir(parents=True, exist_ok=True)
    package = out / order.file_name
    command = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "-z4", "--build", str(tree), str(package)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(order.epoch)}
    subprocess.run(command, check=True, timeout=DEADLINE_S, env=environment, stdout=subprocess.DEVNULL)
    return package
