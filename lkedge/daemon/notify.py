"""What the daemon tells the service manager (sd_notify(3))."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from lkedge import datagrams
from lkedge.daemon.library import systemd_daemon
from lkedge.log import redact

logger = logging.getLogger(__name__)

ADDRESS = "NOTIFY_SOCKET"
PATIENCE_S = 1.0
"""With a manager that is busy, for what it must not miss."""

MAX_STATUS = 400
"""Characters; `systemctl status` shows it in one line."""


class Notifier:
    """Talks to the service manager that $NOTIFY_SOCKET names; to nobody when there is none. Owned by one thread.

    The variable stays set, since libsystemd reads it at each call; processes that we start do
    not get it (`lkedge.worker.launch`). What a manager that hangs cannot take is not told.
    """

    def __init__(self) -> None:
        self._address = os.environ.get(ADDRESS, "")
        self._library = systemd_daemon() if self._address else None

    def ready(self, status: str) -> None:
        """The daemon can be controlled; also the end of a reload."""
        self._tell("READY=1", _status(status), patience_s=PATIENCE_S)

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._tell(_status(text))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def reloading(self, now_ns: int) -> None:
        """A reload begins; `ready` ends it. now_ns: CLOCK_MONOTONIC, not before the signal that asked for it."""
        status = _status("reloading the configuration")
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_ns // 1000}", status, patience_s=PATIENCE_S)

    def extend(self, seconds: float, status: str) -> None:
        """Starting or stopping goes on, and may take so long from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}", _status(status))

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", _status(status))

    def _tell(self, *lines: str, patience_s: float = 0.0) -> None:
        if self._library is None:
            return
        try:
            if datagrams.would_wait(self._address, patience_s):
                raise BlockingIOError("it does not read")
            self._library.notify("\n".join(lines))
        except OSError as error:
            logger.debug("the service manager was not told %s: %s", lines[0], error)


def watchdog_interval_ns(environ: Mapping[str, str], pid: int) -> int:
    """How often at least the service manager wants to hear of us; 0 when it does not watch us.

    Source: sd_watchdog_enabled(3).
    """
    wanted = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) * 1000 if wanted and microseconds.isdigit() else 0


def _status(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"STATUS={redact(' '.join(printable.split()))[:MAX_STATUS]}"
