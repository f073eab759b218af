"""The daemon's life as a service: signals, readiness, reload, the watchdog, the status line, the end.

| what comes                       | what follows |
|---|---|
| `start` of the daemon returns    | READY=1: it can be controlled; the room may still be far away |
| SIGHUP                           | a reload |
| a reload, of control too         | RELOADING=1, and READY=1 at its end, whether it was refused or not |
| SIGTERM, SIGINT                  | STOPPING=1, the room is left, the workers are stopped |
| SIGTERM or SIGINT again          | the end at once; workers die with the daemon |
| SIGHUP of a terminal that closes | as SIGTERM |

The same without a service manager, save that nobody is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from lkedge import interrupts
from lkedge.daemon.notify import Notifier
from lkedge.daemon.status_line import status_line
from lkedge.daemon.watchdog import Watchdog
from lkedge.errors import ConfigError, LkedgeError
from lkedge.publish.state import Status

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S = 2.0
RELOAD_DEADLINE_S = 60.0
STDIN = 0


class Serviced(Protocol):
    """The Daemon, as far as it is needed here."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def reload(self) -> object:
        """Says what it did. Raises ConfigError: the new configuration is refused, and the old one stays."""
        ...

    def surround_reloads(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter this for every reload from now on, whoever asks for it."""
        ...

    def status(self) -> Status: ...

    def problems(self) -> Mapping[str, str]:
        """As `lkedge.daemon.watchdog.Problems`."""
        ...


class Service:
    """One daemon from its start to its end. Owned by the event loop.

    watchdog_ns: of `notify.watchdog_interval_ns`. ready: called once, when the daemon can be controlled.
    """

    def __init__(
        self, daemon: Serviced, notifier: Notifier, *, watchdog_ns: int = 0, ready: Callable[[], None] = lambda: None
    ) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self._ready = ready
        self._watchdog = Watchdog(notifier, watchdog_ns, daemon.problems)
        self._woken = asyncio.Event()
        self._must_stop = False
        self._must_reload = False
        self._reloads = 0
        self._has_terminal = os.isatty(STDIN)
        self._note = ""
        self._said = ""

    async def run(self) -> None:
        """Until a signal. Raises what ends the daemon before."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

        def stop(number: int) -> None:
            loop.call_soon_threadsafe(self._stop)

        with interrupts.on_first(stop, "ended at once, without leaving the room"):
            await self._daemon.start()
            await self._run()

    async def _run(self) -> None:
        watchers: list[asyncio.Task[None]] = []
        try:
            self._notifier.ready(self._line())
            self._daemon.surround_reloads(self._reloading)
            self._ready()
            watchers += self._watch()
            await self._serve(watchers)
        finally:
            await self._end(watchers)

    def _watch(self) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(self._watchdog.run(), name="service.watchdog"),
            asyncio.create_task(self._tell_status(), name="service.status"),
        ]

    async def _serve(self, watchers: list[asyncio.Task[None]]) -> None:
        while not self._must_stop:
            waiting = asyncio.create_task(self._woken.wait(), name="service.signals")
            await asyncio.wait([waiting, *watchers], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            self._woken.clear()
            for watcher in watchers:
                if watcher.done():
                    watcher.result()
            if self._must_reload and not self._must_stop:
                self._must_reload = False
                await self._reload()

    async def _end(self, watchers: list[asyncio.Task[None]]) -> None:
        self._notifier.stopping("leaving the room")
        try:
            await self._daemon.stop()
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    async def _reload(self) -> None:
        try:
            async with asyncio.timeout(RELOAD_DEADLINE_S):
                await self._daemon.reload()
        except ConfigError:
            pass
        except (LkedgeError, TimeoutError) as error:
            logger.error("the reload failed: %s", error or f"not done within {RELOAD_DEADLINE_S:g} s")

    @contextlib.contextmanager
    def _reloading(self) -> Iterator[None]:
        """Tells of one reload. Several may overlap: the last one ends them."""
        self._reloads += 1
        self._notifier.reloading(time.monotonic_ns())
        try:
            yield
            self._note = ""
        except ConfigError as error:
            self._note = _refusal(error)
            raise
        except BaseException:
            self._note = "the last reload failed"
            raise
        finally:
            self._reloads -= 1
            if not self._reloads and not self._must_stop:
                self._notifier.ready(self._line())

    async def _tell_status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_INTERVAL_S)
            line = self._line()
            if line != self._said and not self._must_stop:
                self._said = line
                self._notifier.status(line)

    def _line(self) -> str:
        return "; ".join(filter(None, (self._note, status_line(self._daemon.status()))))

    def _stop(self) -> None:
        self._must_stop = True
        self._woken.set()

    def _hang_up(self) -> None:
        if self._has_terminal and not os.isatty(STDIN):
            self._must_stop = True
        self._must_reload = True
        self._woken.set()


def _refusal(error: ConfigError) -> str:
    count = len(error.problems)
    return f"the last reload was refused: {count} problem{'s' if count > 1 else ''} in the configuration"
