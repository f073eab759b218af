"""Sockets of the service manager."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lkedge.daemon.listen import inherited_sockets, open_to_everyone, turn_away
from tests.systemd_library import needs_systemd_python

ACTIVATED = Path(__file__).with_name("activated.py")
MANY = 100
"""From here on descriptors are out of the way of 3, 4 and so on."""


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        yield server


def started(*descriptors: int, count: str = "", names: str = "control", pid: str = "own") -> tuple[dict[str, Any], str]:
    """What a process found that was started with these sockets, and what it said on stderr."""
    inherited = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, MANY) for descriptor in descriptors]
    arguments = [pid, count or str(len(descriptors)), names, *map(str, inherited)]
    try:
        done = subprocess.run(
            [sys.executable, str(ACTIVATED), *arguments],
            pass_fds=inherited,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    return json.loads(done.stdout), done.stderr


@needs_systemd_python
def test_a_listening_socket_is_found_by_name_and_not_inherited_further(listener: socket.socket) -> None:
    answer, said = started(listener.fileno())
    assert answer["found"] == {"control": [3, listener.getsockname()]}
    assert answer["inheritable"] == []
    assert (answer["environment"], answer["child"], said) == ([], 0, "")


@needs_systemd_python
@pytest.mark.parametrize(("pid", "count", "complains"), [("1", "1", False), ("own", "many", True), ("own", "2", True)])
def test_what_is_not_meant_for_us_or_wrong_is_left_alone(
    listener: socket.socket, pid: str, count: str, complains: bool
) -> None:
    answer, said = started(listener.fileno(), pid=pid, count=count)
    assert (answer["found"], answer["environment"], answer["child"]) == ({}, [], 0)
    assert ("no socket of the service manager is used" in said) == complains


@needs_systemd_python
def test_what_is_no_listening_socket_is_closed(listener: socket.socket, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams, (tmp_path / "file").open("w") as file:
        answer, said = started(datagrams.fileno(), listener.fileno(), file.fileno(), names="a:control:b")
    assert list(answer["found"]) == ["control"]
    assert answer["closed"] == [3, 5]
    assert [f"descriptor {n} " in said for n in (3, 4, 5)] == [True, False, True]


def test_by_hand_the_library_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    monkeypatch.setattr("lkedge.daemon.listen.systemd_daemon", lambda: pytest.fail("it was imported"))
    assert inherited_sockets() == {}


def test_without_the_library_the_daemon_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setattr("lkedge.daemon.listen.systemd_daemon", lambda: None)
    assert inherited_sockets() == {}
    assert "LISTEN_FDS" not in os.environ


def test_a_socket_can_be_opened_to_everyone(listener: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    path = Path(listener.getsockname())
    path.chmod(0o660)
    open_to_everyone([listener])
    assert path.stat().st_mode & 0o777 == 0o666

    path.unlink()
    open_to_everyone([listener])
    assert "others cannot connect" in caplog.text


def test_everybody_who_waits_hears_why_the_daemon_cannot_start(listener: socket.socket) -> None:
    callers = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for caller in callers:
        caller.connect(listener.getsockname())
    callers[0].sendall(b"GET /v1/status HTTP/1.1\r\nHost: lkedge\r\n\r\n")
    callers[2].close()

    assert turn_away(listener, "it is broken") == 3
    for caller in callers[:2]:
        with caller:
            caller.settimeout(5)
            head, _, body = caller.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body)["error"]["message"] == "it is broken"
    assert turn_away(listener, "nobody is left") == 0
