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


LAYER = {"rid": "h", "active": True, "width": 640, "height": 360, "bitrate": 450_000, "reason": ""}
OFF = LAYER | {"rid": "f", "active": False, "reason": "not subscribed"}
TRACK = {"name": "front", "state": "failed", "condition": "", "captures": False, "reason": "gone"}
CONNECTION = dict.fromkeys(("room", "url", "identity", "quality", "server_version", "round_trip_ms", "reason"), "")


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("track_changed", TRACK, "track_changed: front: failed, source closed, gone"),
        ("track_removed", {"track": "front"}, "track_removed: front"),
        ("layers_changed", {"track": "front", "layers": [LAYER, OFF]},
         "layers_changed: front: f off (not subscribed), h 640x360 450 kbit/s"),
        ("connection_changed", CONNECTION | {"state": "waiting", "reason": "refused"},
         "connection_changed: waiting, refused"),
        ("control_changed", {"track": "front", "control": control(value=7, unit="us")},
         "control_changed: front: x is 7 us"),
        ("reloaded", {"summary": "refused", "steps": [], "problems": ["a", "b"]}, "reloaded: refused; a; b"),
        ("something_new", {"a": 1}, "something_new: {'a': 1}"),
    ],
)  # fmt: skip
def test_events_in_words(name: str, data: dict[str, Any], line: str) -> None:
    assert tables.event_line(name, data) == line


def test_terminals_are_told_nothing_that_they_obey() -> None:
    assert tables.printable("a\x1b[2Jb\rc\x9bd\te ü") == "a\\x1b[2Jb\\rc\\x9bd\te ü"


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
