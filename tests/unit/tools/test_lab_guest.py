"""A machine of the device lab that does not boot: once more, and then with what its console said last."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.harness import machine
from tests.device.harness.guest import Guest
from tests.finished import LabError

PANIC = "Kernel panic - not syncing: Attempted to kill init!"

MACHINE = f"""
import json, socket, sys
from pathlib import Path

folder, failures = Path(sys.argv[1]), Path(sys.argv[2])
left = int(failures.read_text())
failures.write_text(str(left - 1))
if left > 0:
    (folder / "{machine.CONSOLE}").write_text("{PANIC}\\n")
    sys.exit(1)
server = socket.socket(socket.AF_UNIX)
server.bind(str(folder / "{machine.SOCKET}"))
server.listen()
host, _ = server.accept()
for line in host.makefile("rb"):
    reply = {{"id": json.loads(line)["id"], "returncode": 0, "stdout": "", "stderr": ""}}
    host.sendall(json.dumps(reply).encode() + b"\\n")
    if json.loads(line)["argv"] == ["poweroff"]:
        break
"""
"""Fails to boot so many times as its file says, then answers as the agent does."""


@pytest.fixture
def failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script, failures = tmp_path / "machine.py", tmp_path / "failures"
    script.write_text(MACHINE)
    monkeypatch.setattr(
        machine, "qemu_command", lambda _, folder: [sys.executable, os.fspath(script), folder, os.fspath(failures)]
    )
    return failures


@pytest.fixture
def guest(failures: Path, request: pytest.FixtureRequest) -> Iterator[Guest]:
    """One whose machine fails so many times."""
    failures.write_text(str(request.param))
    guest = Guest(Path("no image"))
    yield guest
    guest.stop()


@pytest.mark.parametrize("guest", [1], indirect=True)
def test_a_machine_that_fails_once_is_booted_once_more_and_said(guest: Guest) -> None:
    with pytest.warns(UserWarning, match=PANIC):
        guest.wait_ready()

    assert guest.run("true").returncode == 0


@pytest.mark.parametrize("guest", [2], indirect=True)
def test_one_that_fails_twice_is_given_up_with_its_console(guest: Guest, failures: Path) -> None:
    with pytest.warns(UserWarning, match="booted once more"), pytest.raises(LabError, match=PANIC):
        guest.wait_ready()

    assert failures.read_text() == "0"


@pytest.mark.parametrize("guest", [0], indirect=True)
def test_a_machine_that_ends_while_it_is_asked_is_noticed_at_once(guest: Guest) -> None:
    guest.wait_ready()
    guest.run("poweroff")

    with pytest.raises(LabError, match="no answer"):
        guest.run("true")
