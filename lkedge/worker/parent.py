"""Ties a process to the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask the kernel to kill us when the process that started us dies; it may already have (prctl(2))."""
    tie_to_parent(parent)()


def tie_to_parent(parent: int | None = None) -> Callable[[], None]:
    """`die_with` for `preexec_fn`, where nothing may be loaded any more. parent: None for this process.

    The kernel minds the thread that starts the process: let it be one that stays.
    """
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid() if parent is None else parent

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie
