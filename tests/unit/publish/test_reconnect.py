from __future__ import annotations

import pytest

from lkedge.errors import JoinRefused, ServerLeave, SignalLost, TransportError
from lkedge.publish.reconnect import (
    DELAYS_S,
    STABLE_S,
    TRUCE_S,
    Decision,
    Failure,
    ReconnectPolicy,
    classify,
    delay_s,
    resume_delay_s,
)

S = 1_000_000_000


def connected_policy(now_ns: int = 0) -> ReconnectPolicy:
    policy = ReconnectPolicy()
    policy.connected(now_ns)
    return policy


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (SignalLost("gone"), Failure.LOST),
        (TransportError("dead"), Failure.LOST),
        (ServerLeave("resume", "CONNECTION_TIMEOUT"), Failure.LOST),
        (ServerLeave("reconnect", "STATE_MISMATCH"), Failure.LOST),
        (ServerLeave("disconnect", "SERVER_SHUTDOWN"), Failure.LOST),
        (ServerLeave("disconnect", "a reason of tomorrow"), Failure.LOST),
        (ServerLeave("disconnect", "DUPLICATE_IDENTITY"), Failure.DUPLICATE),
        (ServerLeave("disconnect", "PARTICIPANT_REMOVED"), Failure.REMOVED),
        (ServerLeave("disconnect", "ROOM_DELETED"), Failure.ROOM_GONE),
        (JoinRefused("no", 401), Failure.REFUSED),
        (JoinRefused("no", 403), Failure.REFUSED),
        (JoinRefused("no", 400), Failure.REFUSED),
        (JoinRefused("no token file"), Failure.REFUSED),
        (JoinRefused("no room", 404), Failure.ROOM_GONE),
        (JoinRefused("busy", 503), Failure.BUSY),
        (JoinRefused("busy", 429), Failure.BUSY),
    ],
)
def test_classifies(error: Exception, failure: Failure) -> None:
    assert classify(error) is failure


@pytest.mark.parametrize("failure", list(Failure))
def test_delays_grow_and_never_end(failure: Failure) -> None:
    delays = [delay_s(failure, attempt, 0.0) for attempt in range(1000)]

    assert delays == sorted(delays)
    assert delays[-1] == DELAYS_S[failure][-1]


def test_jitter_spreads_all_but_the_quick_retries() -> None:
    assert delay_s(Failure.LOST, 0, 0.9) == 0
    assert delay_s(Failure.LOST, 1, 0.9) == 0.3
    assert delay_s(Failure.LOST, 9, 0.0) == 30
    assert 30 < delay_s(Failure.LOST, 9, 0.99) < 39.1


def test_resume_begins_at_once() -> None:
    assert resume_delay_s(0) == 0
    assert resume_delay_s(1) == 0.3


def test_a_lost_connection_is_made_anew_at_once() -> None:
    assert connected_policy().failed(SignalLost("gone"), 60 * S, 0.5) == Decision(0)


def test_a_session_that_dies_at_once_does_not_reset_the_ladder() -> None:
    policy = ReconnectPolicy()
    delays = []
    for attempt in range(6):
        policy.connected(attempt * S)
        delays.append(policy.failed(SignalLost("gone"), attempt * S + 1, 0).delay_s)

    assert delays == list(DELAYS_S[Failure.LOST][:6])


def test_a_stable_session_resets_the_ladder() -> None:
    policy = ReconnectPolicy()
    for _ in range(5):
        policy.failed(SignalLost("gone"), 0, 0)
    policy.connected(100 * S)

    assert policy.failed(SignalLost("gone"), (100 + STABLE_S) * S, 0).delay_s == 0


def test_refused_credentials_are_slow_and_say_so() -> None:
    policy = ReconnectPolicy()
    decisions = [policy.failed(JoinRefused("bad key", 401), now * S, 0) for now in range(4)]

    assert [decision.delay_s for decision in decisions] == [60, 120, 300, 300]
    assert all(decision.is_slow for decision in decisions)


def test_duplicates_do_not_fight() -> None:
    """Two boxes with one identity: each join succeeds and throws the other one out."""
    policy = ReconnectPolicy()
    now_s = 0.0
    joins = 0
    while now_s < 3600:
        policy.connected(int(now_s * S))
        joins += 1
        now_s += 30
        now_s += policy.failed(ServerLeave("disconnect", "DUPLICATE_IDENTITY"), int(now_s * S), 0).delay_s

    assert joins <= 14


def test_an_old_removal_is_forgotten() -> None:
    policy = ReconnectPolicy()
    removed = ServerLeave("disconnect", "PARTICIPANT_REMOVED")
    first = policy.failed(removed, 0, 0).delay_s

    assert policy.failed(removed, 60 * S, 0).delay_s > first
    assert policy.failed(removed, (60 + TRUCE_S) * S, 0).delay_s == first
