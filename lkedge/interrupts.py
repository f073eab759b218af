"""What SIGINT (Ctrl-C) and SIGTERM do to a process, from its first line to its last.

A command begins and ends with what the kernel does to a process that has nothing to put in order: it
dies there and then. Around what has to be put in order stands `on_first`, `raising` or `run`, in which
the first signal asks for the end, and another one is the end. All for the main thread, save `held`.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)

SAME_NS = 100_000_000
"""`timeout` and the like signal a process and then its group: what follows so closely is no second wish."""

STDERR = 2


@contextmanager
def on_first(callback: Callable[[int], None], farewell: str = "") -> Iterator[None]:
    """The first signal calls back, with its number, between two instructions of the main thread; another ends at once.

    farewell: then said on stderr.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    first_ns: list[int] = []

    def take(number: int, frame: object) -> None:
        if not first_ns:
            first_ns.append(time.monotonic_ns())
            callback(number)
        elif time.monotonic_ns() - first_ns[0] > SAME_NS:
            _end(number, farewell)

    for number in SIGNALS:
        signal.signal(number, take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def raising() -> Iterator[None]:
    """The first signal raises KeyboardInterrupt in the main thread; see `status_of`."""

    def interrupt(number: int) -> NoReturn:
        raise KeyboardInterrupt(number)

    with on_first(interrupt):
        yield


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`; the first signal cancels, and when that ended the coroutine, raises KeyboardInterrupt."""
    import asyncio

    numbers: list[int] = []

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel(number: int) -> None:
            numbers.append(number)
            loop.call_soon_threadsafe(task.cancel)

        with on_first(cancel):
            return await coroutine

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt(*numbers) from None


def status_of(error: KeyboardInterrupt) -> int:
    """The exit status of a command that was interrupted, as a shell has it: 130 for SIGINT, 143 for SIGTERM."""
    number = error.args[0] if error.args else signal.SIGINT
    return 128 + int(number)


@contextmanager
def held() -> Iterator[None]:
    """Signals wait, for this thread and for what it starts, whose imports are then not interrupted."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_to_parent() -> None:
    """For a child that its parent ends: ignore what is meant for the whole group, and what was `held`."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end(number: int, farewell: str) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    if farewell:
        os.write(STDERR, f"{signal.Signals(number).name} again: {farewell}\n".encode())
    os._exit(128 + number)
