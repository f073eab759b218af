"""The control files of the package: what dpkg and apt read."""

from __future__ import annotations

import email.utils
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from lkedge_deb.target import Target

SCRIPTS = Path(__file__).resolve().parents[1] / "debian"
MAINTAINER_SCRIPTS = ("postinst", "prerm", "postrm")

CONTROL = """\
Package: lkedge
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Section: video
Priority: optional
Installed-Size: {size_kib}
Depends: {depends}
Recommends: ca-certificates, dbus, python3-picamera2 | python3-libcamera
Suggests: v4l-utils, alsa-utils
Description: publishes cameras, microphones and screens to a LiveKit room
 lkedge turns a Raspberry Pi, or any small Linux box, into a LiveKit publisher:
 it captures cameras, microphones, HDMI inputs and files, encodes them in
 simulcast layers that run only while somebody watches, and publishes them.
 .
 It runs as a systemd service that repairs lost networks, servers, cameras and
 drivers by itself, controlled with lkedgectl, over HTTP on a Unix socket, and
 over D-Bus.
"""


def depends(target: Target) -> list[str]:
    """The interpreter is pinned to its minor version: compiled modules and libcamera's binding belong to just that."""
    suite = target.suite
    return [
        f"python3 (>= {suite.python}~)",
        f"python3 (<< {suite.next_python}~)",
        "python3-systemd",
        "libc6",
        "libgcc-s1",
        "libstdc++6",
        suite.alsa,
        "init-system-helpers (>= 1.54~)",
        "systemd | systemd-standalone-sysusers",
    ]


CHANGELOG = """\
lkedge ({version}) {suite}; urgency=medium

  * What is new: CHANGELOG.md.gz

 -- {maintainer}  {time}
"""
"""Debian Policy 12.7: what `apt changelog` and apt-listchanges read."""


def add_changelog(stage: Path, target: Target, version: str, epoch: int) -> None:
    """Before `write_control`. epoch: Unix seconds of the version."""
    time = email.utils.formatdate(epoch)
    text = CHANGELOG.format(version=version, suite=target.suite.name, maintainer=maintainer(os.environ), time=time)
    path = stage / "usr/share/doc/lkedge/changelog.Debian.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def maintainer(environ: Mapping[str, str]) -> str:
    """Whoever builds says it as for Debian's own tools (debchange(1)); else an address that nobody has (RFC 2606)."""
    name = environ.get("DEBFULLNAME") or "lkedge authors"
    return f"{name} <{environ.get('DEBEMAIL') or 'authors@lkedge.invalid'}>"


def write_control(stage: Path, target: Target, version: str) -> None:
    """Write DEBIAN/ into the staged tree, which must be complete."""
    folder = stage / "DEBIAN"
    files = sorted(_files(stage))
    folder.mkdir()
    size_kib = sum((path.stat().st_size + 1023) // 1024 for path in files)
    (folder / "control").write_text(
        CONTROL.format(
            version=version,
            architecture=target.architecture.debian,
            maintainer=maintainer(os.environ),
            size_kib=size_kib,
            depends=", ".join(depends(target)),
        )
    )
    (folder / "conffiles").write_text("".join(f"/{path}\n" for path in _conffiles(stage, files)))
    (folder / "md5sums").write_text("".join(_checksums(stage, files)))
    for name in MAINTAINER_SCRIPTS:
        shutil.copyfile(SCRIPTS / name, folder / name)
        (folder / name).chmod(0o755)


def _files(stage: Path) -> Iterator[Path]:
    return (path for path in stage.rglob("*") if path.is_file() and not path.is_symlink())


def _conffiles(stage: Path, files: list[Path]) -> Iterator[Path]:
    return (path.relative_to(stage) for path in files if path.is_relative_to(stage / "etc"))


def _checksums(stage: Path, files: list[Path]) -> Iterator[str]:
    conffiles = set(_conffiles(stage, files))
    for path in files:
        if (name := path.relative_to(stage)) not in conffiles:
            yield f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}\n"
