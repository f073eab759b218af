"""Closes what may hang, within a deadline.

libcamera belongs to the process: while one camera hangs in closing, no other one should be
opened beside it. What does not end here ends with the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

_unfinished: set[Closing] = set()
"""Of this process."""


class Closing:
    """Does `work` once, in a thread of its own, from its making on. Any thread may wait for it."""

    def __init__(self, what: str, work: Callable[[], None]) -> None:
        self.what = what
        self._work = work
        self._done = threading.Event()
        _unfinished.add(self)
        threading.Thread(target=self._run, name=f"close:{what}"[:64], daemon=True).start()

    def wait(self, deadline: float) -> bool:
        """Until it is done or `time.monotonic()` is `deadline`; whether it is done."""
        return self._done.wait(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        """The thread's only broad handler: what cannot be closed properly is as closed as it gets."""
        try:
            self._work()
        except Exception as error:
            logger.warning("%s was not closed cleanly: %s", self.what, error)
        finally:
            _unfinished.discard(self)
            self._done.set()


def wait_for_others(timeout_s: float) -> str:
    """Wait for every closing that is under way in this process; the name of one that is not done, or ""."""
    deadline = time.monotonic() + timeout_s
    return next((closing.what for closing in tuple(_unfinished) if not closing.wait(deadline)), "")
