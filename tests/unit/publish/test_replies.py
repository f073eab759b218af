"""Replies find who waits for them."""

import pytest

from lkedge.errors import PublishRefused, SignalLost
from lkedge.publish.replies import Replies


async def test_a_reply_reaches_its_request() -> None:
    replies = Replies()
    first, second = replies.expect("a"), replies.expect("b")
    assert replies.resolve("b", 2)
    assert await second == 2
    assert not first.done()


async def test_a_reply_that_nobody_waits_for_says_so() -> None:
    replies = Replies()
    replies.expect("a")
    assert replies.resolve("a", 1)
    assert not replies.resolve("a", 1)
    assert not replies.resolve("unknown", 1)


async def test_a_refusal_is_raised_where_it_is_awaited() -> None:
    replies = Replies()
    reply = replies.expect("a")
    replies.fail("a", PublishRefused("no"))
    with pytest.raises(PublishRefused, match="no"):
        await reply


async def test_a_lost_connection_fails_all() -> None:
    replies = Replies()
    waiting = [replies.expect("a"), replies.expect("b")]
    replies.fail_all(SignalLost("gone"))
    for reply in waiting:
        with pytest.raises(SignalLost):
            await reply


async def test_a_cancelled_wait_takes_no_reply() -> None:
    replies = Replies()
    replies.expect("a").cancel()
    assert not replies.resolve("a", 1)
