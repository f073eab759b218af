"""Whether a sender had to wait, on real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge.datagrams import opening_without_waiting, would_wait


@pytest.fixture(params=["path", "abstract"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    address = str(tmp_path / "receiver") if request.param == "path" else f"@lkedge-datagrams-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        yield receiver, address


def fill(receiver: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"x", receiver.getsockname())


def test_only_a_full_queue_makes_wait(receiver: tuple[socket.socket, str]) -> None:
    sock, address = receiver
    assert not would_wait(address)
    fill(sock)
    assert would_wait(address)
    assert would_wait(address, patience_s=0.01)
    sock.recv(16)
    assert not would_wait(address)


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        would_wait(str(tmp_path / "nothing"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
        gone.bind(str(tmp_path / "gone"))
    with pytest.raises(ConnectionRefusedError):
        would_wait(str(tmp_path / "gone"))


def test_only_datagram_sockets_that_are_opened_within_do_not_wait() -> None:
    unix, datagram = socket.AF_UNIX, socket.SOCK_DGRAM
    with socket.socket(unix, datagram) as before, socket.socketpair()[0] as stream:
        with contextlib.suppress(ConnectionRefusedError), opening_without_waiting():
            opened, other = socket.socket(unix, datagram), socket.socket(unix, socket.SOCK_STREAM)
            raise ConnectionRefusedError("what was opened stays open")
        with opened, other:
            waiting = [os.get_blocking(sock.fileno()) for sock in (before, stream, opened, other)]
    assert waiting == [True, True, False, True]


def test_looking_for_them_leaves_nothing_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w"), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        before = len(os.listdir("/proc/self/fd"))
        with opening_without_waiting():
            pass
        assert len(os.listdir("/proc/self/fd")) == before
        assert sock.fileno() >= 0
