"""Ctrl-C and SIGTERM at any moment: real commands end in order, without a word too many, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DELAYS_S = (0.05, 0.3, 0.7, 1.5)
DEADLINE_S = 30.0

BEGIN = "print('begun', flush=True); import sys; from lkedge.cli import main; sys.exit(main())"
CONFIG = """[livekit]
url = "ws://127.0.0.1:9"
api_key_file = "key"
api_secret_file = "secret"
room = "yard"
identity = "box"
[[track]]
name = "front"
source = "testsrc"
"""
SERVER = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32}
NOT_SAID = ("Traceback", "KeyboardInterrupt", "Exception ignored", "died", "never retrieved")

COMMANDS = {
    "run": ["run", "--config", "lkedge.toml"],
    "demo": ["demo", "--seconds", "60", "--no-browser-page"],
    "check": ["check", "lkedge.toml"],
    "devices": ["devices"],
    "plugins": ["plugins", "--try"],
    "doctor": ["doctor", "--config", "lkedge.toml", "--join"],
    "bench": ["doctor", "--bench"],
}


@dataclass
class Started:
    process: subprocess.Popen[str]
    temporary: Path

    def left(self) -> list[str]:
        """Of its session, what still runs, and what lies in its folder for temporary files."""
        processes = [text for text in _statuses() if _is_alive_in(text, self.process.pid)]
        return processes + [path.name for path in self.temporary.iterdir()]

    def settle(self) -> list[str]:
        """What is left when what was killed has had its time to go."""
        until = time.monotonic() + DEADLINE_S
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(0.02)
        return left


def _statuses() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield path.read_text()
        except OSError:
            continue


def _is_alive_in(stat: str, session: int) -> bool:
    state, _, _, of = stat.rpartition(")")[2].split()[:4]
    return int(of) == session and state != "Z"


def start(command: str, folder: Path, name: str) -> Started:
    """It runs our code when this returns: before that, Python itself answers a Ctrl-C."""
    temporary = folder / name
    temporary.mkdir()
    (folder / f"runtime-{name}").mkdir()
    own = {"TMPDIR": str(temporary), "XDG_RUNTIME_DIR": str(folder / f"runtime-{name}")}
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, *COMMANDS[command]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={**os.environ, **SERVER, **own, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return Started(process, temporary)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lkedge.toml").write_text(CONFIG)
    (tmp_path / "key").write_text("key")
    (tmp_path / "secret").write_text("s" * 32)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS)
def test_at_any_moment(command: str, number: signal.Signals, folder: Path) -> None:
    begun = time.monotonic()
    all_started = [start(command, folder, f"{delay_s}") for delay_s in DELAYS_S]
    for started, delay_s in zip(all_started, DELAYS_S, strict=True):
        time.sleep(max(0.0, begun + delay_s - time.monotonic()))
        if started.process.poll() is None:
            # As a terminal, and as `timeout`: all of the group, and the command once more.
            os.killpg(started.process.pid, number)
            started.process.send_signal(number)
    for started in all_started:
        said, _ = started.process.communicate(timeout=DEADLINE_S)
        assert started.process.returncode in (0, 1, 128 + number, -number), said
        assert not [word for word in NOT_SAID if word in said], said
        assert started.settle() == []


def test_the_second_one_ends_at_once_whatever_hangs(folder: Path) -> None:
    script = (
        "from lkedge import interrupts; import time\n"
        "with interrupts.on_first(lambda number: print('first', flush=True), 'gone'):\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = iter(process.stdout.readline, "")
        assert "ready\n" in lines
        process.send_signal(signal.SIGINT)
        assert "first\n" in lines
        until = time.monotonic() + DEADLINE_S
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
        assert process.stderr.read() == "SIGINT again: gone\n"
