from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from lkedge.config.options import check_options, option_fields
from lkedge.errors import PluginError
from lkedge.plugin.api import ControlValue, NoOptions, option
from lkedge.plugin.options import build_options, default_options


@dataclass(frozen=True, slots=True)
class Options:
    device: str = option(help="path", is_path=True)
    rate: float = option(1.0, help="rate", unit="Hz", ge=0.5, le=10)
    mode: str = option("a", help="mode", choices=("alpha", "beta", "a"))
    tags: tuple[str, ...] = option((), help="tags")
    name: str | None = option(None, help="name")
    controls: Mapping[str, ControlValue] = option({}, help="controls")


def check(**given: object) -> tuple[dict[str, object], list[str]]:
    values, problems = check_options(Options, given, lambda key, value: f"/abs/{value}")
    return values, [f"{problem.key}: {problem.text}" for problem in problems]


def test_builds_the_options_of_a_source() -> None:
    options = build_options(Options, {"device": "/dev/x", "rate": 2, "tags": ["a"]})

    assert options == Options("/dev/x", 2.0, tags=("a",))
    assert isinstance(options.rate, float)
    assert build_options(NoOptions, {}) == NoOptions()


@pytest.mark.parametrize("given", [{}, {"device": "x", "unknown": 1}])
def test_settings_that_do_not_fit_are_a_plugin_error(given: dict[str, object]) -> None:
    with pytest.raises(PluginError, match="do not fit Options"):
        build_options(Options, given)


def test_defaults_are_filled_in_and_paths_made_absolute() -> None:
    values, problems = check(device="x", rate=2)

    assert values == {"device": "/abs/x", "rate": 2.0, "mode": "a", "tags": (), "name": None, "controls": {}}
    assert problems == []


def test_what_check_gives_can_be_built() -> None:
    values, _ = check(device="x", tags=["a"], name="n", controls={"gain": 3, "auto": False})

    options = build_options(Options, values)

    assert options.tags == ("a",)
    assert options.controls == {"gain": 3, "auto": False}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, ": device is required: path"),
        ({"device": 3}, "device: must be a text in quotes"),
        ({"device": "x", "rate": True}, "rate: must be a number"),
        ({"device": "x", "rate": 0.1}, "rate: must be at least 0.5 Hz"),
        ({"device": "x", "rate": 11}, "rate: must be at most 10 Hz"),
        ({"device": "x", "mode": "alpa"}, 'mode: must be "alpha", "beta" or "a"; did you mean "alpha"?'),
        ({"device": "x", "tags": "a"}, "tags: must be a list"),
        ({"device": "x", "tags": [1]}, "tags: must be a text in quotes"),
        ({"device": "x", "controls": 1}, "controls: must be a table, such as { name = 1 }"),
        (
            {"device": "x", "controls": {"gain": [1]}},
            "controls: gain must be true, false, a number or a text in quotes",
        ),
        ({"device": "x", "devcie": "y"}, 'devcie: there is no such setting; did you mean "device"?'),
    ],
)
def test_wrong_settings_are_explained(given: dict[str, object], problem: str) -> None:
    assert check(**given)[1] == [problem]


def test_fields_and_defaults() -> None:
    assert [field.name for field in option_fields(Options) if field.is_required] == ["device"]
    assert default_options(Options) == {"rate": 1.0, "mode": "a", "tags": (), "name": None, "controls": {}}
