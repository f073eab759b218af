"""Sockets of the service manager."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge.daemon.listen import inherited_sockets, open_to_everyone, turn_away

FIRST = 200
"""Descriptors of a test: those from 3 on belong to pytest."""


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        yield server


def environ(count: int, names: str = "control", pid: int = 42) -> dict[str, str]:
    return {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names, "HOME": "/"}


def hand_over(*sockets: socket.socket) -> None:
    """As the service manager: at consecutive descriptors, inheritable."""
    for descriptor, sock in enumerate(sockets, FIRST):
        os.dup2(sock.fileno(), descriptor, inheritable=True)


def test_a_listening_socket_is_found_by_name_and_not_inherited_further(listener: socket.socket) -> None:
    hand_over(listener)
    said = environ(1)
    found = inherited_sockets(said, pid=42, first=FIRST)
    with found["control"] as control:
        assert control.getsockname() == listener.getsockname()
        assert not os.get_inheritable(control.fileno())
    assert said == {"HOME": "/"}


@pytest.mark.parametrize("said", [{}, environ(1, pid=43), {"LISTEN_PID": "42", "LISTEN_FDS": "many"}, environ(0, "")])
def test_what_is_not_meant_for_us_is_left_alone(said: dict[str, str]) -> None:
    assert inherited_sockets(said, pid=42, first=FIRST) == {}
    assert not said.keys() & {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}


def test_what_is_no_listening_socket_is_closed(
    listener: socket.socket, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hand_over(datagrams, listener)
    with (tmp_path / "file").open("w") as file:
        os.dup2(file.fileno(), FIRST + 2)
    datagrams.close()

    found = inherited_sockets(environ(4, "a:control:b:gone"), pid=42, first=FIRST)
    assert list(found) == ["control"]
    found["control"].close()
    assert [f"descriptor {FIRST + n}" in caplog.text for n in range(4)] == [True, False, True, True]
    for descriptor in (FIRST, FIRST + 2):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_socket_without_a_name_is_unknown(listener: socket.socket) -> None:
    hand_over(listener)
    found = inherited_sockets(environ(1, ""), pid=42, first=FIRST)
    assert list(found) == [""]
    found[""].close()


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
