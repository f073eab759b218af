"""Compiles pyalsaaudio, which has no wheels: Debian's own is older than 0.11 and keeps silent about overruns."""

from __future__ import annotations

import shutil
from pathlib import Path

from lkedge_deb.build_root import MOUNTED, run_inside
from lkedge_deb.target import Target
from lkedge_deb.wheels import SDIST_ONLY, download_sdist

MODULE = "alsaaudio"


def build_extension(target: Target, root: Path, work: Path, site_packages: Path) -> None:
    """Compile the module for the target inside the build root and put it, with its metadata, into `site_packages`."""
    source = download_sdist(work)
    (c_file,) = source.rglob(f"{MODULE}.c")
    library = f"{MODULE}{target.extension_suffix}"
    run_inside(root, source, compile_command(target, str(MOUNTED / c_file.relative_to(source)), str(MOUNTED / library)))
    shutil.copy(source / library, site_packages / library)
    _add_metadata(source, site_packages)


def compile_command(target: Target, c_file: str, library: str) -> list[str]:
    """Of gcc, for the machine of the target. No paths of the build get into the file."""
    options = ["-shared", "-fPIC", "-O2", "-g0", "-fno-strict-aliasing", f"-ffile-prefix-map={MOUNTED}=."]
    include = f"-I/usr/include/python{target.suite.python}"
    return [f"{target.architecture.triplet}-gcc", *options, include, "-o", library, c_file, "-lasound"]


def _add_metadata(source: Path, site_packages: Path) -> None:
    version = source.name.removeprefix(f"{SDIST_ONLY}-")
    folder = site_packages / f"{SDIST_ONLY}-{version}.dist-info"
    folder.mkdir()
    shutil.copy(source / "PKG-INFO", folder / "METADATA")
