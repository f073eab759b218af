from __future__ import annotations

import logging

import pytest

from lkedge.journal import MessageId
from lkedge.publish.complaints import Complaints
from lkedge.publish.reconnect import Decision


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "lkedge")


def levels(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [record.levelno for record in caplog.records]


def test_the_same_reason_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for _ in range(3):
        complaints.lost("the server is gone", Decision(1.0), "kitchen")
    assert levels(caplog) == [logging.WARNING, logging.DEBUG, logging.DEBUG]
    assert caplog.records[0].__dict__["MESSAGE_ID"] == MessageId.LOST.value
    assert caplog.records[0].__dict__["LKEDGE_ROOM"] == "kitchen"


def test_another_reason_and_another_loss_are_news(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    complaints.lost("one", Decision(1.0), "")
    complaints.lost("two", Decision(60.0, is_slow=True), "")
    complaints.connected()
    complaints.lost("two", Decision(1.0), "")
    assert levels(caplog) == [logging.WARNING, logging.ERROR, logging.WARNING]
