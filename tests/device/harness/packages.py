"""What the guest gets of this checkout: the wheels of lkedge and its plugins, and the plugins' tests."""

from __future__ import annotations

import fcntl
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.device.harness.guest import Guest
from tests.device.harness.machine import ROOT

BUILD_DEADLINE_S = 300.0
INSTALL_DEADLINE_S = 600.0
CHECKOUT = "/srv/lkedge"
PYTHON = "/opt/lkedge/bin/python"
LKEDGE = "/opt/lkedge/bin/lkedge"
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "tests")


def plugin_folders() -> list[Path]:
    """The plugins' distributions, by name."""
    return sorted(path.parent for path in ROOT.glob("plugins/lkedge-*/pyproject.toml"))


def plugins_with_device_tests() -> list[str]:
    """Names of the folders of those plugins that have tests for the lab."""
    return [
        folder.name for folder in plugin_folders() if any(map(_has_device_tests, folder.glob("tests/**/test_*.py")))
    ]


def _has_device_tests(path: Path) -> bool:
    return "pytest.mark.device" in path.read_text()


def build_wheels(folder: Path) -> list[Path]:
    """The wheels of lkedge and all plugins, built in `folder` and not in the checkout. Raises CalledProcessError."""
    sources = [_copied(ROOT, folder / "lkedge", ["pyproject.toml", "README.md", "LICENSE", "lkedge"])]
    for plugin in plugin_folders():
        sources.append(_copied(plugin, folder / plugin.name, ["pyproject.toml", "README.md", "src"]))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, folder / "wheels", *sources], check=True, timeout=BUILD_DEADLINE_S)
    return sorted((folder / "wheels").glob("*.whl"))


def shared_wheels(folder: Path) -> list[Path]:
    """As build_wheels, once for all processes that name this folder. Raises CalledProcessError."""
    with (folder / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "wheels-of-the-lab"
        if not done.exists():
            building = Path(tempfile.mkdtemp(dir=folder))
            build_wheels(building)
            (building / "wheels").rename(done)
        return sorted(done.glob("*.whl"))


def _copied(source: Path, target: Path, names: list[str]) -> Path:
    target.mkdir()
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=NOT_SOURCE)
        elif (source / name).exists():
            shutil.copy(source / name, target)
    return target


def install(guest: Guest, wheels: list[Path]) -> None:
    """Install the wheels into the guest's venv and bring the tests. Raises LabError."""
    guest.unpack(_tarball({wheel.name: wheel for wheel in wheels}), "/srv/wheels")
    names = [f"/srv/wheels/{wheel.name}" for wheel in wheels]
    options = ["-q", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile"]
    guest.run(PYTHON, "-m", "pip", "install", *options, *names, timeout=INSTALL_DEADLINE_S).check()
    guest.unpack(_tarball(_test_files()), CHECKOUT)


def run_device_tests(guest: Guest, plugin: str, timeout_s: float) -> tuple[bool, str]:
    """Run that plugin's tests for the lab inside; whether they passed, and pytest's output."""
    command = [PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-m", "device", f"plugins/{plugin}/tests"]
    done = guest.run(*command, timeout=timeout_s, cwd=CHECKOUT, env={"LKEDGE_LAB": "guest"})
    return done.returncode == 0, done.output


def _test_files() -> dict[str, Path]:
    """By their path in the checkout."""
    files = [ROOT / "pyproject.toml", ROOT / "conftest.py"]
    for plugin in plugin_folders():
        files += [path for path in plugin.glob("tests/**/*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(ROOT)): path for path in files}


def _tarball(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tarball:
        for name, path in files.items():
            tarball.add(path, name)
    return buffer.getvalue()
