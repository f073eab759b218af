"""What goes into the private environment: the wheels of this checkout and those that they need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

from lkedge_deb.target import Target

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "tests")
LEFT_OUT = ("lkedge-apm",)
"""Plugins that are no part of the package. lkedge-apm needs the LiveKit SDK, which is larger than all the rest."""

SDIST_ONLY = "pyalsaaudio"
"""Has no wheels; lkedge_deb.extension compiles it."""

PIPS_OWN = ("direct_url.json", "RECORD")
"""They name folders of the build, and without RECORD pip does not touch what belongs to dpkg."""

DOWNLOAD_DEADLINE_S = 900
Line = list[str | Path]


def plugin_folders(checkout: Path = CHECKOUT) -> list[Path]:
    """The plugins' distributions that the package has, by name."""
    found = (path.parent for path in checkout.glob("plugins/lkedge-*/pyproject.toml"))
    return sorted(folder for folder in found if folder.name not in LEFT_OUT)


def build_own(folder: Path) -> Path:
    """Build the wheels of lkedge and its plugins below `folder`, not in the checkout; gives their folder."""
    sources = [_copied(CHECKOUT, folder / "lkedge", ["pyproject.toml", "README.md", "LICENSE", "lkedge"])]
    sources += [
        _copied(plugin, folder / plugin.name, ["pyproject.toml", "README.md", "src"]) for plugin in plugin_folders()
    ]
    _pip(["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "wheels", *sources])
    return folder / "wheels"


def download(target: Target, own: Path, wheels: Path) -> None:
    """Fetch what the wheels in `own` need, in the versions of constraints.txt, into `wheels`, and copies of those."""
    _pip(["download", *_for(target), *_constraints(), "--find-links", own, "--dest", wheels, *_requirements()])


def install(target: Target, wheels: Path, site_packages: Path) -> None:
    """Unpack the wheels for another machine: nothing of them is run."""
    found = sorted(wheels.glob("*.whl"))
    options: Line = ["--no-index", "--no-deps", "--no-compile", "--target", site_packages]
    _pip(["install", *_for(target), *options, *found])
    shutil.rmtree(site_packages / "bin", ignore_errors=True)
    for name in PIPS_OWN:
        for path in site_packages.glob(f"*.dist-info/{name}"):
            path.unlink()


def download_sdist(folder: Path) -> Path:
    """The unpacked source of the module without wheels, in the version of constraints.txt."""
    _pip(
        [
            "download",
            *_constraints(),
            "--no-deps",
            "--no-build-isolation",
            "--no-binary",
            ":all:",
            "--dest",
            folder,
            SDIST_ONLY,
        ]
    )
    (archive,) = folder.glob(f"{SDIST_ONLY}-*.tar.gz")
    with tarfile.open(archive) as tarball:
        tarball.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _requirements() -> list[str]:
    """lkedge with D-Bus, and its plugins."""
    projects = [folder / "pyproject.toml" for folder in plugin_folders()]
    return ["lkedge[dbus]", *(str(tomllib.loads(path.read_text())["project"]["name"]) for path in projects)]


def _for(target: Target) -> Line:
    platforms = [option for platform in target.architecture.platforms for option in ("--platform", platform)]
    return [*platforms, "--python-version", target.suite.python, "--implementation", "cp", "--only-binary", ":all:"]


def _constraints() -> Line:
    return ["--constraint", CHECKOUT / "constraints.txt"]


def _pip(arguments: Line) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=DOWNLOAD_DEADLINE_S)


def _copied(source: Path, target: Path, names: list[str]) -> Path:
    target.mkdir(parents=True)
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=NOT_SOURCE)
        elif (source / name).exists():
            shutil.copy(source / name, target)
    return target
