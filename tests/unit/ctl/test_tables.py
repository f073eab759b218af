"""Replies as text, where they differ from the plain case."""

from __future__ import annotations

from typing import Any

import pytest

from lkedge.ctl import tables


def control(**facts: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("default", "minimum", "maximum", "step"))
    return {"name": "x", "kind": "integer", "value": 1, "choices": [], "unit": "", "writable": True, **empty, **facts}


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"minimum": 0.0, "maximum": 255.0, "step": 1.0}, "0 to 255"),
        ({"minimum": 0.0, "step": 8.0}, "0 to ..., step 8"),
        ({"kind": "text"}, "text"),
        ({"kind": "boolean"}, "true, false"),
        ({"kind": "menu", "choices": ["a", "b"]}, "a, b"),
        ({"writable": False}, "read only"),
    ],
)
def test_what_a_control_allows(facts: dict[str, Any], text: str) -> None:
    assert tables.allowed(control(**facts)) == text


def test_values_are_shown_as_they_are_written() -> None:
    assert [tables.shown(value, control()) for value in (True, 2.5, None, "auto")] == ["true", "2.5", "-", "auto"]
    assert tables.shown(3, control(unit="dB")) == "3 dB"


@pytest.mark.parametrize(
    ("permissions", "line"),
    [
        ({"all_participants_allowed": True, "participants": []}, "all participants may subscribe to all tracks"),
        ({"all_participants_allowed": False, "participants": []}, "nobody may subscribe"),
    ],
)
def test_permissions_of_all_and_none(permissions: dict[str, Any], line: str) -> None:
    assert tables.permissions_lines(permissions) == [line]


def test_nothing_is_said_in_words() -> None:
    assert tables.tracks_lines([]) == ["no tracks"]
    assert tables.layers_lines([]) == ["no layers"]
    assert tables.devices_lines([]) == ["no devices found"]
    assert "not open" in tables.controls_lines([])[0]


def test_a_plugin_that_fails_says_why() -> None:
    plugin = {"name": "x", "version": "", "status": "import error", "reason": "no numpy"}
    lines = tables.plugins_lines([plugin | {"sources": [], "encoders": [], "processors": []}])
    assert lines[1].split() == ["x", "-", "import", "error", "-", "-", "-"]
    assert lines[2] == "    no numpy"
