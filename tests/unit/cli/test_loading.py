"""Where a wrong configuration is told: on stderr, or as one message of the journal."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lkedge import log
from lkedge.cli.loading import load_or_complain
from lkedge.journal import MessageId
from lkedge.plugin.manager import PluginManager


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "lkedge.toml"
    path.write_text('[livekit]\nurl = "ftp://h"\ntoken_file = "none.jwt"\n')
    return path


def test_problems_are_printed_line_by_line(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_or_complain(wrong, PluginManager(load_entry_points=False)) is None
    *problems, last = capsys.readouterr().err.splitlines()
    assert len(problems) == 2
    assert last == "lkedge: 2 problems in the configuration"


def test_in_the_journal_they_are_one_message_with_an_id(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "is_journal", lambda *_: True)
    monkeypatch.setattr(log, "configure", lambda: None)
    assert load_or_complain(wrong, PluginManager(load_entry_points=False)) is None
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["MESSAGE_ID"] == MessageId.CONFIG_REFUSED.value
    assert len(record.getMessage().splitlines()) == 2
    assert capsys.readouterr().err == ""
