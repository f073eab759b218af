"""Datagrams that libsystemd sends for us, without ever waiting for who receives them.

systemd-python holds the interpreter's lock while it sends: a service manager or a journal that does
not read would stop all threads of the daemon, the event loop among them.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator

DESCRIPTORS = "/proc/self/fd"


def would_wait(address: str, patience_s: float = 0.0) -> bool:
    """Whether the receiver's queue is full, so that a sender had to wait.

    address: a path, or "@name" in the abstract name space. patience_s: how long it may take to become shorter.

    Raises:
        OSError: nobody is there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        probe.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        poll = select.poll()
        poll.register(probe, select.POLLOUT)
        return not poll.poll(patience_s * 1000)


@contextlib.contextmanager
def opening_without_waiting() -> Iterator[None]:
    """Datagram sockets that a library opens within, and keeps, raise BlockingIOError instead of waiting."""
    before = _unix_datagram_sockets()
    try:
        yield
    finally:
        for descriptor in _unix_datagram_sockets() - before:
            with contextlib.suppress(OSError):
                os.set_blocking(descriptor, False)


def _unix_datagram_sockets() -> set[int]:
    return {descriptor for descriptor in map(int, os.listdir(DESCRIPTORS)) if _is_unix_datagram(descriptor)}


def _is_unix_datagram(descriptor: int) -> bool:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return False
    is_one = (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.detach()
    return is_one
