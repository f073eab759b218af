from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from lkedge.control.errors import ControlError
from lkedge.daemon import log_levels
from lkedge.daemon.log_levels import set_log_level


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """As before, afterwards."""
    names = ["lkedge", *log_levels.log_levels()]
    before = {name: logging.getLogger(name or "lkedge").level for name in names}
    yield
    for name in {*before, *log_levels.log_levels()} - {""}:
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def test_the_general_level_and_those_of_modules() -> None:
    set_log_level("warning", "")
    set_log_level("debug", "rtc.some_module")
    set_log_level("error", "lkedge.signaling.some_module")
    seen = log_levels.log_levels()
    assert seen[""] == "warning"
    assert seen["lkedge.rtc.some_module"] == "debug"
    assert seen["lkedge.signaling.some_module"] == "error"
    assert logging.getLogger("lkedge.rtc.some_module.below").getEffectiveLevel() == logging.DEBUG


def test_other_libraries_are_out_of_reach() -> None:
    set_log_level("debug", "asyncio")
    assert logging.getLogger("asyncio").level == logging.NOTSET or "asyncio" not in log_levels.log_levels()
    assert "lkedge.asyncio" in log_levels.log_levels()


def test_their_number_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_levels, "MAX_LEVELS", len(log_levels.log_levels()) + 1)
    set_log_level("debug", "one.more")
    with pytest.raises(ControlError, match="already"):
        set_log_level("debug", "too.many")
    set_log_level("info", "one.more")


def test_the_level_of_a_plugin() -> None:
    set_log_level("debug", "lkedge_some_plugin")
    assert log_levels.log_levels()["lkedge_some_plugin"] == "debug"
    assert logging.getLogger("lkedge_some_plugin").level == logging.DEBUG
