"""Starts one worker, in a process or in a thread, at the other end of a socket pair."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import Protocol

from lkedge import interrupts
from lkedge.errors import WorkerError
from lkedge.terms import Isolation
from lkedge.worker.worker_link import WorkerLink

STDERR = 2

PROGRAM = "lkedge.worker"
"""Imported by a worker only: the daemon needs nothing of it."""

MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(8 << 20)}
"""How glibc allocates in a worker process. One arena: its threads seldom allocate at the same time.
A fixed threshold, so that the large arrays of encoders are mappings of their own, whatever was
freed before (lkedge.builtin.zero_pages). Some slack, so that pictures do not move the heap's end."""


NOT_FOR_WORKERS = frozenset(
    {
        "CREDENTIALS_DIRECTORY",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
        "LIVEKIT_TOKEN",
    }
)
"""Variables that are the daemon's alone: secrets, and what the service manager says to it."""


class RunningWorker(Protocol):
    """A worker that was started."""

    @property
    def pid(self) -> int | None:
        """None for a thread."""
        ...

    def is_running(self) -> bool: ...

    def abort(self) -> None:
        """Have it write the stacks of its threads to stderr, and end; one that hangs in the kernel does not."""
        ...

    def kill(self) -> None:
        """End it at once; a thread that hangs is left behind."""
        ...

    def how_it_ended(self) -> str:
        """For a message: "by signal SIGSEGV", "with exit code 1", "" when not known."""
        ...


def launch(isolation: Isolation, track: str) -> tuple[RunningWorker, socket.socket]:
    """Start a worker; returns it and our end of its link.

    Raises:
        WorkerError: the process cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        worker = WorkerProcess(theirs) if isolation is Isolation.PROCESS else WorkerThread(theirs, track)
    except OSError as error:
        ours.close()
        theirs.close()
        raise WorkerError(f"the worker of track {track} cannot be started: {error}") from error
    return worker, ours


class WorkerProcess:
    """A fresh interpreter that inherits nothing but the link and stderr."""

    def __init__(self, link: socket.socket) -> None:
        descriptor = link.fileno()
        with interrupts.held():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PROGRAM, str(descriptor), str(os.getpid())],
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                env=worker_environment(),
            )
        link.close()
        self.pid: int | None = self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def abort(self) -> None:
        self._process.send_signal(signal.SIGABRT)

    def kill(self) -> None:
        self._process.kill()

    def how_it_ended(self) -> str:
        code = self._process.poll()
        if code is None:
            return ""
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


class WorkerThread:
    """The same code in this process. What hangs in it cannot be killed, only abandoned."""

    pid: int | None = None

    def __init__(self, link: socket.socket, track: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(WorkerLink(link),), name=f"worker:{track}", daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def abort(self) -> None:
        """The stacks of all threads of the daemon, the hanging one among them."""
        faulthandler.dump_traceback(STDERR)

    def kill(self) -> None:
        """Our end of the link is closed by now, which ends every thread that does not hang."""

    def how_it_ended(self) -> str:
        return ""

    @staticmethod
    def _run(link: WorkerLink) -> None:
        from lkedge.worker import process

        process.run(link, cpu_ns=lambda: 0)


def worker_environment() -> dict[str, str]:
    """Of a process that we start: ours, with our import path, and without what is ours alone."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_FOR_WORKERS}
    return {**MALLOC, **inherited, "PYTHONPATH": path}
