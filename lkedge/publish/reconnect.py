# lkedge: pure
"""When and how to come back after a connection was lost or refused: for ever, and never in a tight loop.

An edge box must still be publishing a year later, so no failure is final. What differs
is the patience:

| what happened                      | delays, seconds                              | why |
|---|---|---|
| lost: connection, media, server    | 0, 0.3, 1.2, 2.7, 4.8, 7, 10, 15, 22, 30     | [1] |
| server busy (408, 429, 5xx)        | 2, 5, 10, 20, 30                             | [2] |
| room missing (404), deleted        | 5, 10, 20, 30                                | [3] |
| participant removed, call rejected | 30, 60, 120, 300                             | [4] |
| duplicate identity                 | 15, 60, 150, 300                             | [5] |
| refused: key, token, address       | 60, 120, 300                                 | [6] |

[1] As LiveKit's SDKs at first; then never more than 30 s, for ever. Leave RESUME and
    RECONNECT, SERVER_SHUTDOWN and reasons we do not know belong here.
[2] It heals by itself, but not because we hurry. A full room answers like this, too.
[3] Somebody may make the room again at any time.
[4] A person wanted us out: come back late, but do.
[5] Two boxes with one identity throw each other out; the wait grows until they meet
    every 5 minutes at most.
[6] Only a person can change that; `is_slow` says so.

Every delay from 1 s on gets up to 30 % of jitter, so that a fleet does not return as one.
A session that lasted `STABLE_S` makes good for the first kind; removals and duplicates
are forgotten only after `TRUCE_S` without another.

Within a session, a lost WebSocket is resumed while the server still knows the participant:
until `RESUME_WINDOW_S` after the loss (livekit-verified.md, 11).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lkedge.errors import JoinRefused, ServerLeave

SECOND_NS = 1_000_000_000

STABLE_S = 10
TRUCE_S = 1800
RESUME_WINDOW_S = 18
JITTER = 0.3


class Failure(Enum):
    """What kinds of failure there are; the rows of the table above."""

    LOST = "lost"
    BUSY = "busy"
    ROOM_GONE = "room gone"
    REMOVED = "removed"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


DELAYS_S: dict[Failure, tuple[float, ...]] = {
    Failure.LOST: (0, 0.3, 1.2, 2.7, 4.8, 7, 10, 15, 22, 30),
    Failure.BUSY: (2, 5, 10, 20, 30),
    Failure.ROOM_GONE: (5, 10, 20, 30),
    Failure.REMOVED: (30, 60, 120, 300),
    Failure.DUPLICATE: (15, 60, 150, 300),
    Failure.REFUSED: (60, 120, 300),
}

_SLOW = (Failure.REMOVED, Failure.DUPLICATE, Failure.REFUSED)
_TRUCE = (Failure.REMOVED, Failure.DUPLICATE)

_FAILURE_OF_REASON = {
    "DUPLICATE_IDENTITY": Failure.DUPLICATE,
    "PARTICIPANT_REMOVED": Failure.REMOVED,
    "USER_UNAVAILABLE": Failure.REMOVED,
    "USER_REJECTED": Failure.REMOVED,
    "ROOM_DELETED": Failure.ROOM_GONE,
    "ROOM_CLOSED": Failure.ROOM_GONE,
    "AGENT_ERROR": Failure.BUSY,
    "SIP_TRUNK_FAILURE": Failure.BUSY,
}
"""DisconnectReasons that are not simply LOST."""

_BUSY_STATUS = (408, 425, 429)
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next.

    delay_s: seconds to wait from now.
    is_slow: the wait is long because only a person can change the outcome: say so.
    """

    delay_s: float
    is_slow: bool = False


def classify(error: BaseException) -> Failure:
    """The kind of failure behind what `SignalClient.connect` or a session raised."""
    if isinstance(error, JoinRefused):
        return _classify_status(error.status)
    if isinstance(error, ServerLeave):
        return _FAILURE_OF_REASON.get(error.reason, Failure.LOST)
    return Failure.LOST


def delay_s(failure: Failure, attempt: int, jitter: float) -> float:
    """Seconds before try number `attempt`, counted from 0.

    jitter: a random number from [0, 1).
    """
    delays = DELAYS_S[failure]
    delay = delays[min(attempt, len(delays) - 1)]
    return delay * (1 + JITTER * jitter) if delay >= 1 else delay


def resume_delay_s(attempt: int) -> float:
    """Seconds before try number `attempt` of resuming within one session; no jitter below 1 s."""
    return delay_s(Failure.LOST, attempt, 0.5)


class ReconnectPolicy:
    """Counts what happened and answers what to do. Not thread-safe.

    Times are CLOCK_MONOTONIC nanoseconds; jitter is a random number from [0, 1).
    """

    def __init__(self) -> None:
        self._attempts = dict.fromkeys(Failure, 0)
        self._failed_ns: dict[Failure, int] = {}
        self._connected_ns: int | None = None

    def connected(self, now_ns: int) -> None:
        """A session stands: joined, or resumed."""
        self._connected_ns = now_ns

    def failed(self, error: BaseException, now_ns: int, jitter: float) -> Decision:
        """A session ended, or an attempt to make one failed, because of `error`."""
        failure = classify(error)
        self._forgive(now_ns)
        attempt = self._attempts[failure]
        self._attempts[failure] += 1
        self._failed_ns[failure] = now_ns
        self._connected_ns = None
        return Decision(delay_s(failure, attempt, jitter), failure in _SLOW)

    def clock_was_set(self) -> None:
        """A token that was refused may have been made, or judged, by the wrong time: begin anew with refusals."""
        self._attempts[Failure.REFUSED] = 0

    def _forgive(self, now_ns: int) -> None:
        connected_ns = self._connected_ns
        if connected_ns is not None and now_ns - connected_ns >= STABLE_S * SECOND_NS:
            for failure in set(Failure).difference(_TRUCE):
                self._attempts[failure] = 0
        for failure in _TRUCE:
            if now_ns - self._failed_ns.get(failure, now_ns) >= TRUCE_S * SECOND_NS:
                self._attempts[failure] = 0


def _classify_status(status: int | None) -> Failure:
    if status is None:
        return Failure.REFUSED
    if status >= 500 or status in _BUSY_STATUS:
        return Failure.BUSY
    return Failure.ROOM_GONE if status == _NOT_FOUND else Failure.REFUSED
