"""Feeds the service manager's watchdog, while every part without which the daemon is of no use is alive.

That the event loop turns is shown by feeding at all: it is done there. What else has to
live says so itself, see `Problems`. A part that stands still is not repaired here: the
watchdog is left to starve, and the service manager ends the daemon, with the stacks of
all threads in the journal, and starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from lkedge.clock import SECOND_NS
from lkedge.daemon.notify import Notifier
from lkedge.daemon.vital_signs import VitalSigns
from lkedge.journal import MessageId, event

logger = logging.getLogger(__name__)

LATE_NS = 2 * SECOND_NS
"""A loop that comes so much too late is worth a line."""

LONGEST_PAUSE_NS = 10 * SECOND_NS

Problems = Callable[[], Mapping[str, str]]
"""What is wrong with each critical part, in a few words; "" for one that is well."""


class Watchdog:
    """Runs on the daemon's loop.

    interval_ns: of `notify.watchdog_interval_ns`; 0: nobody watches, but what is stuck is still logged.
    """

    def __init__(self, notifier: Notifier, interval_ns: int, problems: Problems) -> None:
        self._notifier = notifier
        self._pause_ns = min(interval_ns // 2 or LONGEST_PAUSE_NS, LONGEST_PAUSE_NS)
        self._problems = problems
        self._signs = VitalSigns()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            due_ns = time.monotonic_ns() + self._pause_ns
            await asyncio.sleep(self._pause_ns / SECOND_NS)
            late_ns = time.monotonic_ns() - due_ns
            if late_ns > LATE_NS:
                logger.warning("the event loop stood still for %.1f s", late_ns / SECOND_NS)

    def look(self) -> None:
        """Feed, or not."""
        verdict = self._signs.look(self._problems(), time.monotonic_ns())
        if verdict.is_alive:
            self._notifier.alive()
        if verdict.complaint and verdict.is_alive:
            logger.info("%s", verdict.complaint)
        elif verdict.complaint:
            logger.error("the watchdog is not fed any more: %s", verdict.complaint, extra=event(MessageId.PART_STUCK))
