"""The command: what it prints, and its exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lkedge.cli import main
from lkedge.doctor import bench, gather
from lkedge.doctor.facts import Configuration, Facts, Time
from lkedge.plugin.manager import PluginManager
from tests.unit.doctor.machines import PI_4

Output = pytest.CaptureFixture[str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The facts to judge, and what the command asked for."""
    seen: dict[str, Any] = {"facts": PI_4}

    def facts(path: Path | None, plugins: PluginManager, *, with_join: bool) -> Facts:
        seen.update(path=path, with_join=with_join)
        found: Facts = seen["facts"]
        return found

    monkeypatch.setattr(gather, "gather", facts)
    return seen


def test_a_machine_that_is_well(asked: dict[str, Any], capsys: Output) -> None:
    assert main(["doctor"]) == 0

    assert capsys.readouterr().out.rstrip().endswith("checks are well.")
    assert (asked["path"], asked["with_join"]) == (None, False)


def test_a_warning_is_no_failure(asked: dict[str, Any], capsys: Output) -> None:
    asked["facts"] = replace(PI_4, time=Time(False))

    assert main(["doctor", "--config", "front.toml", "--join"]) == 0

    assert "1 warning" in capsys.readouterr().out
    assert (asked["path"], asked["with_join"]) == (Path("front.toml"), True)


def test_a_failure_is_an_exit_status(asked: dict[str, Any], capsys: Output) -> None:
    asked["facts"] = replace(PI_4, configuration=Configuration(problems=("lkedge.toml:3: unknown key",)))

    assert main(["doctor", "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["level"] == "fail"


def test_the_measurements(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    def measure(plugins: PluginManager, tell: bench.Tell) -> list[bench.Section]:
        tell("scaling ...")
        return [("machine", ["a Pi"]), ("heat", ["48 °C"])]

    monkeypatch.setattr(bench, "measure", measure)

    assert main(["doctor", "--bench"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "```\nmachine:\n  a Pi\n\nheat:\n  48 °C\n```\n"
    assert printed.err == "scaling ...\n"

    assert main(["doctor", "--bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"machine": ["a Pi"], "heat": ["48 °C"]}


def test_the_facts_of_this_machine_can_be_had_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))
    path = tmp_path / "lkedge.toml"
    path.write_text("[livekit]\n")

    facts = gather.gather(path, PluginManager(load_entry_points=False))

    assert facts.board.kernel
    assert facts.configuration.problems
    assert {encoder.name for encoder in facts.encoders} == {"x264", "vp8"}
