"""Sockets that the service manager listens on for us (sd_listen_fds(3))."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import Iterable, MutableMapping

logger = logging.getLogger(__name__)

FIRST_DESCRIPTOR = 3
FOR_EVERYONE = 0o666
CONTROL = "control"
"""FileDescriptorName= in lkedge.socket."""

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited_sockets(
    environ: MutableMapping[str, str] = os.environ, *, pid: int | None = None, first: int = FIRST_DESCRIPTOR
) -> dict[str, socket.socket]:
    """The sockets by name, listening; none when they are not meant for us. Call once.

    The variables are unset and the descriptors closed on exec: children see neither.
    What is no listening stream socket is closed.
    """
    said = {name: environ.pop(name, "") for name in _VARIABLES}
    count = said["LISTEN_FDS"]
    if said["LISTEN_PID"] != str(os.getpid() if pid is None else pid) or not count.isdigit():
        return {}
    names = said["LISTEN_FDNAMES"].split(":")
    names += ["unknown"] * (int(count) - len(names))
    found: dict[str, socket.socket] = {}
    for descriptor, name in enumerate(names[: int(count)], first):
        sock = _adopt(descriptor)
        if sock is not None:
            found.setdefault(name, sock)
    return found


def open_to_everyone(sockets: Iterable[socket.socket]) -> None:
    """Let every user of the machine connect; what each may do there is decided by its credentials."""
    for sock in sockets:
        try:
            os.chmod(sock.getsockname(), FOR_EVERYONE)
        except OSError as error:
            logger.warning("others cannot connect to %s: %s (SocketMode= of its unit)", sock.getsockname(), error)


def turn_away(sock: socket.socket, reason: str) -> int:
    """Answer everybody who waits at the control socket that the daemon cannot start. Returns how many.

    Without it the service manager would start us for the same callers again and again.
    """
    body = json.dumps({"error": {"code": "not_possible_now", "message": reason, "problems": []}}).encode()
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    sock.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, _ = sock.accept()
            count += 1
            _answer(connection, answer)
    return count


def _answer(connection: socket.socket, answer: bytes) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(0.0)
        connection.send(answer)
        connection.shutdown(socket.SHUT_WR)
        # What the caller sent has to be read, or it sees a reset instead of the answer.
        connection.recv(65536)


def _adopt(descriptor: int) -> socket.socket | None:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise OSError("it is no socket")
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        logger.warning("descriptor %d of the service manager is not used: %s", descriptor, error)
        with contextlib.suppress(OSError):
            os.close(descriptor)
        return None
    if sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return sock
    logger.warning("descriptor %d of the service manager is not used: nothing listens there", descriptor)
    sock.close()
    return None
