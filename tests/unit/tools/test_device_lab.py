"""When `make test` runs the device lab, and what is a failure: tools/test-device.sh with stand-ins for the lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SET_UP = ("tools/setup-livekit-server.sh", "tools/setup-device-lab.sh")
PYTEST = ".venv/bin/pytest"

SOURCES = (
    *("lkedge/module.py", "plugins/lkedge-x/src/x.py", "tests/device/test_x.py", "tests/sfu/harness/sfu.py"),
    *("tests/conftest.py", "conftest.py", "pyproject.toml", "constraints.txt"),
)
NOT_BOOTED = 'echo "it does not boot" > "$LKEDGE_LAB_NOT_BOOTED/$$"; exit 1'
"""As often as there are machines: one, when there are arguments."""


class Checkout:
    """Just what the script looks at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "tools").mkdir()
        for name in ("common.sh", "test-device.sh"):
            shutil.copy(ROOT / "tools" / name, folder / "tools")
        for name in (*SET_UP, PYTEST):
            self.write_script(name, "exit 0")
        for name in SOURCES:
            self.write(name, "1")

    def write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def write_script(self, name: str, command: str) -> None:
        """It notes that it ran, and with which arguments."""
        log = self._folder / "ran"
        self.write(name, f'#!/bin/bash\necho "{name} $*" >> {log}\n{command}\n')
        (self._folder / name).chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._folder / "tools/test-device.sh", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"XDG_CACHE_HOME": str(self._folder / "cache")},
        )

    def runs(self) -> list[str]:
        """Each run of pytest since the last call, with its arguments."""
        log = self._folder / "ran"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [line for line in lines if line.startswith(PYTEST)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_what_has_passed_is_not_run_again_until_something_changes(checkout: Checkout) -> None:
    assert checkout.run("--if-needed").returncode == 0
    assert len(checkout.runs()) == 1

    again = checkout.run("--if-needed")
    assert (again.returncode, checkout.runs()) == (0, [])
    assert "exactly this content passed here" in again.stderr

    checkout.write("lkedge/module.py", "2")
    checkout.run("--if-needed")
    assert len(checkout.runs()) == 1


def test_bytecode_is_no_change(checkout: Checkout) -> None:
    checkout.run("--if-needed")
    checkout.runs()
    checkout.write("lkedge/__pycache__/module.pyc", "bytes")

    checkout.run("--if-needed")

    assert checkout.runs() == []


def test_asked_for_by_itself_it_always_runs(checkout: Checkout) -> None:
    for _ in range(2):
        assert checkout.run().returncode == 0
        assert len(checkout.runs()) == 1


def test_a_part_that_passed_does_not_count_for_all(checkout: Checkout) -> None:
    checkout.run("-k", "webcam and not slow")
    assert checkout.runs() == [f"{PYTEST} tests/device -m device -v -k webcam and not slow"]

    checkout.run("--if-needed")
    assert len(checkout.runs()) == 1


def test_a_test_that_fails_twice_is_a_failure_and_is_run_again(checkout: Checkout) -> None:
    checkout.write_script(PYTEST, "exit 1")

    for _ in range(2):
        assert checkout.run("--if-needed").returncode == 1
        first, second = checkout.runs()
        assert "--last-failed" not in first
        assert "--last-failed" in second


def test_a_test_that_fails_once_is_told(checkout: Checkout) -> None:
    checkout.write_script(PYTEST, '[[ "$*" = *--last-failed* ]]')

    done = checkout.run("--if-needed")

    assert done.returncode == 0
    assert "what failed is run once more" in done.stderr


@pytest.mark.parametrize("script", SET_UP)
def test_a_lab_that_cannot_be_set_up_is_told_and_no_failure_of_make_test(checkout: Checkout, script: str) -> None:
    checkout.write_script(script, "echo 'error: no QEMU; run this:' >&2; echo '    apt-get install qemu' >&2; exit 1")

    done = checkout.run("--if-needed")

    assert (done.returncode, checkout.runs()) == (0, [])
    assert "the device lab is left out: no QEMU; run this: apt-get install qemu" in done.stderr
    assert checkout.run().returncode == 1


def test_a_machine_that_does_not_boot_is_told_and_no_failure_of_make_test(checkout: Checkout) -> None:
    checkout.write_script(PYTEST, NOT_BOOTED)

    done = checkout.run("--if-needed", "-x")

    assert done.returncode == 0
    assert "the device lab is left out: it does not boot" in done.stderr
    assert checkout.run("-x").returncode == 1


def test_content_that_changes_under_way_has_not_passed(checkout: Checkout) -> None:
    checkout.write_script(PYTEST, "echo 3 > lkedge/module.py")
    checkout.run("--if-needed")
    checkout.runs()

    checkout.run("--if-needed")

    assert len(checkout.runs()) == 1
