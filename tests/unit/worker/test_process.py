from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lkedge.worker import process
from lkedge.worker.messages import Start


def test_what_waits_for_the_end_of_the_start_is_called_before_the_first_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Garbage is not looked for during the start; without this call it never would be."""
    happened: list[str] = []
    pipeline = SimpleNamespace(
        controls=SimpleNamespace(restore=lambda controls: None), stop=lambda: happened.append("stopped")
    )
    link: Any = SimpleNamespace(close=lambda: happened.append("closed"))
    monkeypatch.setattr(process, "_await_start", lambda link: (Start(None, None, (), 20), []))
    monkeypatch.setattr(process, "_build", lambda start, link, cpu_ns: pipeline)
    monkeypatch.setattr(process, "_serve", lambda pipeline, link, commands: happened.append("serves"))
    process.run(link, cpu_ns=lambda: 0, built=lambda: happened.append("built"))
    assert happened == ["built", "serves", "stopped", "closed"]
