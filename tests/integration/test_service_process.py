"""`lkedge run` as a process, with what a service manager gives it: a socket to notify, one to answer at, signals."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lkedge.cli.run import EX_CONFIG
from lkedge.worker.launch import NOT_FOR_WORKERS
from tests.systemd_library import needs_systemd_python

pytestmark = needs_systemd_python

DEADLINE_S = 60
LKEDGE = [sys.executable, "-m", "lkedge", "run", "--config"]

CONFIG = """\
[livekit]
url = "ws://127.0.0.1:1"
[control]
socket = ""
dbus = false
[[track]]
name = "front"
source = "testsrc"
capture = { width = 320, height = 180, framerate = 5 }
"""

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4IiwidmlkZW8iOnsicm9vbSI6InkiLCJyb29tSm9pbiI6dHJ1ZX19.c2ln"

HANGING = """
import asyncio, sys
from lkedge.daemon.notify import Notifier
from lkedge.daemon.service import Service
from lkedge.publish.state import ConnectionState, ConnectionStatus, Status

class Daemon:
    async def start(self): pass
    async def stop(self):
        print("stopping", flush=True)
        await asyncio.sleep(600)
    async def reload(self): pass
    def surround_reloads(self, around): pass
    def problems(self): return {}
    def status(self): return Status(ConnectionStatus(ConnectionState.CONNECTED), ())

print("begun", flush=True)
asyncio.run(Service(Daemon(), Notifier(), ready=lambda: print("ready", flush=True)).run())
"""

STOPPING_AT_ONCE = HANGING.replace('print("stopping", flush=True)', "return")


class Running:
    """One process with a notify socket; hear() gives one message after another."""

    def __init__(self, folder: Path, text: str = CONFIG, **environ: str) -> None:
        (folder / "lkedge.toml").write_text(text)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify"))
        self.notified.settimeout(DEADLINE_S)
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*LKEDGE, str(folder / "lkedge.toml")],
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000", **environ},
                stdout=output,
                stderr=output,
            )

    def hear(self, pattern: str) -> str:
        """The next message that matches."""
        while True:
            told = self.notified.recv(4096).decode()
            if re.search(pattern, told):
                return told

    def forget(self) -> None:
        """What was sent so far."""
        while select.select([self.notified], [], [], 0)[0]:
            self.notified.recv(4096)

    def worker(self) -> int:
        """The process of the one track, once it runs its program."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            for child in map(int, children.read_text().split()):
                if b"lkedge.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
            self.hear("WATCHDOG=1")
        raise AssertionError("no worker was started")

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.notified.close()


def connect(caller: socket.socket, path: Path) -> None:
    until = time.monotonic() + DEADLINE_S
    while caller.connect_ex(str(path)):
        assert time.monotonic() < until, f"nobody listens at {path}"
        time.sleep(0.01)


@contextmanager
def activated(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`lkedge run`, to be started by the first caller of control.sock."""
    if shutil.which("systemd-socket-activate") is None:
        pytest.skip("systemd-socket-activate is missing: apt install systemd")
    (folder / "lkedge.toml").write_text(CONFIG)
    activate = ["systemd-socket-activate", "--fdname=control", f"--listen={folder / 'control.sock'}", *options]
    with subprocess.Popen([*activate, *LKEDGE, str(folder / "lkedge.toml")], stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(path: Path, target: str, status: int = 200) -> bytes:
    """What the control socket answers, as soon as it is there."""
    with socket.socket(socket.AF_UNIX) as caller, caller.makefile("rb") as reader:
        caller.settimeout(DEADLINE_S)
        connect(caller, path)
        caller.sendall(f"GET {target} HTTP/1.1\r\nHost: lkedge\r\nConnection: close\r\n\r\n".encode())
        head, _, body = reader.read().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    return body


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "lkedge.token").write_text(TOKEN)
    return folder


@pytest.fixture
def running(tmp_path: Path, store: Path) -> Iterator[Running]:
    secret = {"LIVEKIT_API_SECRET": "a-secret-of-the-daemon"}
    running = Running(tmp_path, CREDENTIALS_DIRECTORY=str(store), **secret)
    yield running
    running.close()


def test_from_start_to_stop_without_a_server(running: Running) -> None:
    assert "EXTEND_TIMEOUT_USEC=" in running.hear("STATUS=")
    running.hear("READY=1")
    running.hear("STATUS=waiting: 127.0.0.1:1 refuses the connection.*front")
    running.hear("WATCHDOG=1")
    running.process.send_signal(signal.SIGTERM)
    running.hear("STOPPING=1")
    assert running.process.wait(DEADLINE_S) == 0
    assert TOKEN not in running.output.read_text()


def test_without_systemd_python_it_goes_on_with_one_warning(tmp_path: Path, store: Path) -> None:
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/__init__.py").touch()
    running = Running(tmp_path, CREDENTIALS_DIRECTORY=str(store), PYTHONPATH=str(tmp_path))
    try:
        until = time.monotonic() + DEADLINE_S
        while "refuses the connection" not in running.output.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        assert running.end(signal.SIGTERM) == 0
        text = running.output.read_text()
    finally:
        running.close()
    assert "refuses the connection" in text
    assert text.count("apt install python3-systemd") == 1


def test_a_worker_sees_nothing_that_is_the_daemons_alone(running: Running) -> None:
    running.hear("READY=1")
    environ = Path(f"/proc/{running.worker()}/environ").read_bytes().decode().split("\0")
    assert {entry.partition("=")[0] for entry in environ} & NOT_FOR_WORKERS == set()
    assert "PATH" in {entry.partition("=")[0] for entry in environ}
    assert running.end(signal.SIGTERM) == 0


def test_the_watchdogs_signal_leaves_the_stacks_of_all_threads(running: Running) -> None:
    running.hear("WATCHDOG=1")
    assert running.end(signal.SIGABRT) == -signal.SIGABRT
    text = running.output.read_text()
    assert "Fatal Python error: Aborted" in text
    assert "in run_forever" in text


def test_a_stopped_daemon_does_not_feed_the_watchdog(running: Running) -> None:
    running.hear("WATCHDOG=1")
    running.process.send_signal(signal.SIGSTOP)
    os.waitpid(running.process.pid, os.WUNTRACED)
    running.forget()
    running.notified.settimeout(1.5)
    with pytest.raises(TimeoutError):
        running.hear("")
    running.notified.settimeout(DEADLINE_S)
    running.process.send_signal(signal.SIGCONT)
    running.hear("WATCHDOG=1")
    assert running.end(signal.SIGTERM) == 0


def test_a_crashed_worker_leaves_its_stacks_and_is_replaced(running: Running) -> None:
    running.hear("READY=1")
    first = running.worker()
    running.hear(r"front \(ready\)")
    os.kill(first, signal.SIGABRT)
    until = time.monotonic() + DEADLINE_S
    while "started again" not in running.output.read_text() and time.monotonic() < until:
        running.hear("WATCHDOG=1")
    text = running.output.read_text()
    assert "Fatal Python error: Aborted" in text
    assert re.search(r"Thread 0x\w+", text)
    assert "by signal SIGABRT" in text
    assert running.worker() != first
    assert running.end(signal.SIGTERM) == 0


def test_a_wrong_configuration_ends_with_78(tmp_path: Path) -> None:
    running = Running(tmp_path, CONFIG)
    try:
        assert running.process.wait(DEADLINE_S) == EX_CONFIG
        assert "lkedge.api-secret" in running.output.read_text()
    finally:
        running.close()


def test_callers_of_a_daemon_that_cannot_start_hear_why(tmp_path: Path) -> None:
    with activated(tmp_path) as process:
        body = ask(tmp_path / "control.sock", "/v1/status", status=503)
        assert process.wait(DEADLINE_S) == EX_CONFIG
    assert "lkedge check" in json.loads(body)["error"]["message"]


def test_a_second_signal_ends_at_once() -> None:
    command = [sys.executable, "-c", HANGING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        for said in ("ready\n", "stopping\n"):
            assert said in lines
            process.send_signal(signal.SIGINT)
        # One that comes with the first counts as the first, so as often as it takes.
        until = time.monotonic() + DEADLINE_S
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 128 + signal.SIGINT


def test_a_terminal_that_closes_stops_the_daemon() -> None:
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", STOPPING_AT_ONCE])
    said = b""
    while b"ready\r\n" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_reload_is_announced_and_a_bad_file_is_refused(running: Running, tmp_path: Path) -> None:
    running.hear("READY=1")
    config = tmp_path / "lkedge.toml"
    config.write_text(CONFIG.replace('name = "front"', 'name = "side"'))
    running.process.send_signal(signal.SIGHUP)
    running.hear("RELOADING=1\nMONOTONIC_USEC=")
    assert "side" in running.hear("READY=1")
    config.write_text(CONFIG.replace("framerate = 5", "framerate = -5"))
    running.process.send_signal(signal.SIGHUP)
    running.hear("RELOADING=1")
    ready = running.hear("READY=1")
    assert "the last reload was refused: 1 problem in the configuration" in ready
    assert "side" in ready
    text = running.output.read_text()
    assert text.count("configuration reloaded: ") == 1
    assert "the new configuration is refused, the old one stays: " in text
    assert running.end(signal.SIGTERM) == 0


def test_a_caller_who_comes_first_is_answered_when_the_daemon_is_up(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "control.sock"
    with activated(tmp_path, f"--setenv=CREDENTIALS_DIRECTORY={store}") as process:
        assert json.loads(ask(path, "/v1/status"))["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    assert path.exists(), "the socket belongs to the service manager"
