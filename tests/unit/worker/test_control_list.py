from __future__ import annotations

import enum
from typing import Any, cast

from lkedge.plugin.api import Control, ControlKind
from lkedge.worker import framing, messages
from lkedge.worker.control_list import one_line, sendable
from lkedge.worker.events import ControlsListed


class Mode(enum.IntEnum):
    AUTO = 3


def integer(name: str = "focus", value: Any = 3, **changes: Any) -> Control:
    return Control(name, ControlKind.INTEGER, value, **changes)


def test_sound_controls_are_kept_as_they_are() -> None:
    controls = (integer(), Control("mode", ControlKind.MENU, "a", choices=("a", "b")))
    assert sendable(controls) == (controls, "")


def test_values_are_made_plain() -> None:
    kept, problem = sendable([integer(value=Mode.AUTO, choices=cast(Any, ["a"]))])
    assert type(kept[0].value) is int
    assert kept[0].choices == ("a",)
    assert problem == ""


def test_malformed_controls_are_left_out_by_name() -> None:
    nonsense: list[Any] = [integer("a", object()), integer("b"), integer("c", None), "d", integer("e", [1])]
    kept, problem = sendable(nonsense)
    assert [control.name for control in kept] == ["b"]
    assert problem == "controls left out, malformed or too many: 'a', 'c', 'd', 'e'"


def test_list_always_fits_into_one_message() -> None:
    kept, problem = sendable([integer(f"control_{index}", unit="ü" * 50) for index in range(500)])
    assert 0 < len(kept) < 500
    assert len(messages.encode(ControlsListed(kept))) <= framing.MAX_CONTROL_BYTES
    assert "too many" in problem


def test_condition_is_one_short_line() -> None:
    assert one_line("no\n signal") == "no signal"
    assert len(one_line("x" * 5000)) == 200
    assert one_line(None) == "None"
