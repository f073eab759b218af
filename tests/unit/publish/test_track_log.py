"""The journal fields of what happens to a track."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from lkedge.journal import FIELDS, MessageId
from lkedge.publish.track_log import TrackLog
from lkedge.terms import Rid


@pytest.mark.parametrize(
    ("say", "level", "fields"),
    [
        (lambda log: log.opened("v4l2", "640x480"), logging.INFO, {}),
        (lambda log: log.source_lost("unplugged"), logging.WARNING, {"MESSAGE_ID": MessageId.SOURCE_LOST.value}),
        (lambda log: log.back("v4l2"), logging.INFO, {"MESSAGE_ID": MessageId.SOURCE_BACK.value}),
        (lambda log: log.encoder_failed(Rid("h"), "no"), logging.WARNING, {"LKEDGE_RID": "h"}),
        (lambda log: log.worker_died("hung"), logging.WARNING, {"MESSAGE_ID": MessageId.WORKER_DIED.value}),
    ],
)
def test_each_has_its_fields(
    say: Callable[[TrackLog], None], level: int, fields: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lkedge")
    say(TrackLog("front"))
    (record,) = caplog.records
    assert record.levelno == level
    assert {name: value for name, value in record.__dict__.items() if name in FIELDS} == {
        "LKEDGE_TRACK": "front",
        **fields,
    }
    assert record.getMessage().startswith("front: ")
