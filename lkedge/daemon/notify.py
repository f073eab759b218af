"""What the daemon tells the service manager: sd_notify(3), which is one datagram and needs no library."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, MutableMapping

from lkedge.log import redact

logger = logging.getLogger(__name__)

ADDRESS = "NOTIFY_SOCKET"
SEND_DEADLINE_S = 1.0
MAX_STATUS = 400
"""Characters; `systemctl status` shows it in one line."""


class Notifier:
    """Talks to the service manager; to nobody when there is none. Owned by one thread.

    address: what $NOTIFY_SOCKET said: a path, "@name" in the abstract name space, or "".
    """

    def __init__(self, address: str = "") -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def ready(self, status: str) -> None:
        """The daemon can be controlled; also the end of a reload."""
        self._tell("READY=1", _status(status))

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._tell(_status(text))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def reloading(self, now_ns: int) -> None:
        """A reload begins; `ready` ends it. now_ns: CLOCK_MONOTONIC, not before the signal that asked for it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_ns // 1000}", _status("reloading the configuration"))

    def extend(self, seconds: float, status: str) -> None:
        """Starting or stopping goes on, and may take so long from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}", _status(status))

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", _status(status))

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(SEND_DEADLINE_S)
                sock.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError as error:
            logger.debug("the service manager was not told %s: %s", lines[0], error)


def take_address(environ: MutableMapping[str, str] = os.environ) -> str:
    """$NOTIFY_SOCKET, and unset it: processes that the daemon starts must not speak for it."""
    return environ.pop(ADDRESS, "")


def watchdog_interval_ns(environ: Mapping[str, str], pid: int) -> int:
    """How often at least the service manager wants to hear of us; 0 when it does not watch us.

    Source: sd_watchdog_enabled(3).
    """
    wanted = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) * 1000 if wanted and microseconds.isdigit() else 0


def _status(text: str) -> str:
    return f"STATUS={redact(' '.join(text.split()))[:MAX_STATUS]}"
