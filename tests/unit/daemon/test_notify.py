"""sd_notify by libsystemd, on a socket that stands for the service manager's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lkedge import datagrams
from lkedge.daemon import library
from lkedge.daemon.notify import ADDRESS, MAX_STATUS, PATIENCE_S, Notifier, watchdog_interval_ns
from lkedge.log import register_secret
from tests.systemd_library import needs_systemd_python

Manager = tuple[str, socket.socket]

LONGEST_QUEUE = 10_000
"""Datagrams; net.unix.max_dgram_qlen says how many it really takes, a few hundred at most."""

ABSTRACT = f"@lkedge-test-{os.getpid()}"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else ABSTRACT
    monkeypatch.setenv(ADDRESS, address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        server.settimeout(5)
        yield address, server


@needs_systemd_python
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
def test_each_message(manager: Manager, act: Callable[[Notifier], None], told: bytes) -> None:
    act(Notifier())
    assert manager[1].recv(4096) == told


@needs_systemd_python
def test_the_same_bytes_as_systemd_notify(manager: Manager) -> None:
    if shutil.which("systemd-notify") is None:
        pytest.skip("systemd-notify is missing: apt install systemd")
    address, server = manager
    environ = {**os.environ, "NOTIFY_SOCKET": address}
    subprocess.run(["systemd-notify", "--no-block", "READY=1", "STATUS=x"], env=environ, check=True, timeout=30)
    theirs = [line for line in server.recv(4096).splitlines() if not line.startswith(b"MAINPID")]
    Notifier().ready("x")
    assert server.recv(4096).splitlines() == theirs


@needs_systemd_python
def test_a_status_is_one_line_without_secrets(manager: Manager) -> None:
    register_secret("hunter4-hunter4")
    Notifier().status("two\nREADY=1\nlines\0 with \ud800hunter4-hunter4 " + "x" * 1000)
    told = manager[1].recv(4096).decode()
    assert told.startswith("STATUS=two READY=1 lines with (secret) x")
    assert len(told) == len("STATUS=") + MAX_STATUS


@needs_systemd_python
def test_a_manager_that_does_not_read_costs_no_time(manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier()
    caplog.set_level("DEBUG", "lkedge.daemon.notify")
    for _ in range(LONGEST_QUEUE):
        if not caplog.messages:
            notifier.alive()
    assert caplog.messages == ["the service manager was not told WATCHDOG=1: it does not read"]
    manager[1].recv(4096)
    notifier.ready("again")
    assert len(caplog.messages) == 1


@needs_systemd_python
def test_what_a_busy_manager_must_not_miss_is_worth_a_moment(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []
    monkeypatch.setattr(datagrams, "would_wait", lambda _, patience_s: bool(patience.append(patience_s)))
    for act in (Notifier.alive, lambda notifier: notifier.reloading(0), lambda notifier: notifier.ready("")):
        act(Notifier())
    assert patience == [0.0, PATIENCE_S, PATIENCE_S]


@pytest.mark.parametrize("address", ["", "/nonexistent/notify", "@nobody-is-here"])
def test_nobody_listening_is_no_trouble(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, address)
    Notifier().ready("alone")


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    library.systemd_daemon.cache_clear()
    yield
    library.systemd_daemon.cache_clear()


@pytest.mark.usefixtures("without_library")
def test_without_the_library_one_warning_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ADDRESS, "/run/systemd/notify")
    Notifier().ready("heard by nobody")
    Notifier()
    (warning,) = caplog.messages
    assert "apt install python3-systemd" in warning
    assert "pip install 'lkedge[systemd]'" in warning


@pytest.mark.usefixtures("without_library")
def test_by_hand_the_library_is_not_missed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    Notifier().ready("heard by nobody")
    assert caplog.messages == []


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
