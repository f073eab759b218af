"""`lkedge run`: the garbage collector waits for the start, not longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lkedge.cli import main, run
from lkedge.cli.program import EX_CONFIG


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_a_refused_configuration_leaves_the_collector_on(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[livekit]\nurl = 5\n")
    assert main(["run", "--config", str(path)]) == EX_CONFIG
    assert gc.isenabled()


def test_the_collector_is_off_during_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def load(*_: Any) -> None:
        seen.append(gc.isenabled())

    monkeypatch.setattr("lkedge.cli.loading.load_or_complain", load)
    main(["run", "--config", str(tmp_path / "some.toml")])
    assert seen == [False]


def test_the_collector_is_on_after_it_and_leaves_the_start_alone() -> None:
    gc.disable()
    run._settle()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000
