"""What a publisher says of a connection that is not there and of a clock that is wrong: once each, not for ever."""

from __future__ import annotations

import logging

from lkedge.clock import SECOND_NS
from lkedge.journal import MessageId, event
from lkedge.publish.reconnect import Decision

logger = logging.getLogger(__name__)

CLOCK_STEP_NS = 5 * SECOND_NS
"""What NTP corrects on a machine without a battery-backed clock is more; tokens do not mind less."""


class Complaints:
    """Remembers what was said of the connection: the same reason again is no news, however long it lasts."""

    def __init__(self) -> None:
        self._reason = ""

    def lost(self, reason: str, decision: Decision, room: str) -> None:
        """The connection is gone, or could not be made. room: where we were last, "" before the first join."""
        level = logging.ERROR if decision.is_slow else logging.WARNING
        level = level if reason != self._reason else logging.DEBUG
        self._reason = reason
        text = "not connected: %s; next try in %.1f s"
        logger.log(level, text, reason, decision.delay_s, extra=event(MessageId.LOST, room=room))

    def connected(self) -> None:
        """All is well; the next loss is news."""
        self._reason = ""


def was_set(step_ns: int) -> bool:
    """Whether a step of the wall clock is worth a word, which is said, and another try.

    step_ns: of `WallClock.update`.
    """
    if abs(step_ns) < CLOCK_STEP_NS:
        return False
    logger.info("the clock was set by %+.0f s", step_ns / SECOND_NS, extra=event(MessageId.CLOCK_SET))
    return True
