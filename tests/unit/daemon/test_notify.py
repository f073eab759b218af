"""sd_notify, on a socket that stands for the service manager's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lkedge.daemon.notify import MAX_STATUS, Notifier, take_address, watchdog_interval_ns
from lkedge.log import register_secret

ABSTRACT = f"@lkedge-test-{os.getpid()}"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    address = str(tmp_path / "notify") if request.param == "path" else ABSTRACT
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        server.settimeout(5)
        yield address, server


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda notifier: notifier.ready("all is well"), b"READY=1\nSTATUS=all is well"),
        (lambda notifier: notifier.status("more"), b"STATUS=more"),
        (lambda notifier: notifier.alive(), b"WATCHDOG=1"),
        (
            lambda notifier: notifier.reloading(5_000_000_999),
            b"RELOADING=1\nMONOTONIC_USEC=5000000\nSTATUS=reloading the configuration",
        ),
        (lambda notifier: notifier.extend(2.5, "slow"), b"EXTEND_TIMEOUT_USEC=2500000\nSTATUS=slow"),
        (lambda notifier: notifier.stopping("bye"), b"STOPPING=1\nSTATUS=bye"),
    ],
)
def test_each_message(manager: tuple[str, socket.socket], act: Callable[[Notifier], None], told: bytes) -> None:
    address, server = manager
    act(Notifier(address))
    assert server.recv(4096) == told


def test_the_same_bytes_as_systemd_notify(manager: tuple[str, socket.socket]) -> None:
    if shutil.which("systemd-notify") is None:
        pytest.skip("systemd-notify is missing: apt install systemd")
    address, server = manager
    environ = {**os.environ, "NOTIFY_SOCKET": address}
    subprocess.run(["systemd-notify", "--no-block", "READY=1", "STATUS=x"], env=environ, check=True, timeout=30)
    theirs = [line for line in server.recv(4096).splitlines() if not line.startswith(b"MAINPID")]
    Notifier(address).ready("x")
    assert server.recv(4096).splitlines() == theirs


def test_a_status_is_one_line_without_secrets(manager: tuple[str, socket.socket]) -> None:
    address, server = manager
    register_secret("hunter4-hunter4")
    Notifier(address).status("two\nREADY=1\nlines with hunter4-hunter4 " + "x" * 1000)
    told = server.recv(4096).decode()
    assert told.startswith("STATUS=two READY=1 lines with (secret) x")
    assert len(told) == len("STATUS=") + MAX_STATUS


@pytest.mark.parametrize("address", ["", "/nonexistent/notify", "@nobody-is-here"])
def test_nobody_listening_is_no_trouble(address: str) -> None:
    Notifier(address).ready("alone")


def test_children_do_not_see_the_address() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "HOME": "/"}
    assert (take_address(environ), environ, take_address(environ)) == ("/run/x", {"HOME": "/"}, "")


@pytest.mark.parametrize(
    ("environ", "interval_ns"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "3000000"}, 3_000_000_000),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"}, 3_000_000_000),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "43"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_how_often_the_watchdog_wants_to_be_fed(environ: dict[str, str], interval_ns: int) -> None:
    assert watchdog_interval_ns(environ, 42) == interval_ns
