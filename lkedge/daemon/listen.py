"""Sockets that the service manager listens on for us (sd_listen_fds(3))."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from lkedge.daemon.library import systemd_daemon

logger = logging.getLogger(__name__)

FOR_EVERYONE = 0o666
CONTROL = "control"
"""FileDescriptorName= in lkedge.socket."""

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited_sockets() -> dict[str, socket.socket]:
    """The Unix sockets by name, listening; none when they are not meant for us. Call once.

    The variables are unset and the descriptors closed on exec: children see neither.
    What is no listening stream socket is closed.
    """
    library = systemd_daemon() if os.environ.get("LISTEN_FDS") else None
    found: dict[str, socket.socket] = {}
    for descriptor, name in _handed_over(library).items():
        sock = _adopt(descriptor, library)
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


def _handed_over(library: Any | None) -> Mapping[int, str]:
    try:
        named: dict[int, str] = library.listen_fds_with_names(unset_environment=True) if library else {}
    except OSError as error:
        logger.warning("no socket of the service manager is used: what it says of them is wrong: %s", error)
        return {}
    finally:
        # libsystemd unsets them behind the back of os.environ, or is not here to do so.
        for name in _VARIABLES:
            os.environ.pop(name, None)
    return named


def _adopt(descriptor: int, library: Any) -> socket.socket | None:
    if library.is_socket_unix(descriptor, socket.SOCK_STREAM, 1):
        return socket.socket(fileno=descriptor)
    logger.warning("descriptor %d of the service manager is not used: no Unix socket listens there", descriptor)
    os.close(descriptor)
    return None
