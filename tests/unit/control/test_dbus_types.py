"""Models as D-Bus types, and what comes in as plain values."""

from __future__ import annotations

from typing import Any

import pytest
from dbus_fast import Message, Variant

from lkedge.control.api import COMMANDS
from lkedge.control.dbus_types import MAX_DEPTH, encoded, plain, signature_of, table_of, text
from lkedge.control.errors import Code, ControlError
from lkedge.control.replies import ControlReply, DeviceReply, DevicesReply, LogLevelReply
from lkedge.plugin.api import ControlValue
from lkedge.terms import TrackSource


@pytest.mark.parametrize(
    ("annotation", "signature"),
    [
        (bool, "b"),
        (int, "x"),
        (float | None, "d"),
        (str, "s"),
        (TrackSource, "s"),
        (list[str], "as"),
        (list[DeviceReply], "aa{sv}"),
        (dict[str, str], "a{ss}"),
        (dict[str, Any], "a{sv}"),
        (ControlValue, "v"),
        (ControlValue | None, "v"),
        (Any, "v"),
    ],
)
def test_types_of_fields(annotation: Any, signature: str) -> None:
    assert signature_of(annotation) == signature


def test_every_field_of_every_command_has_a_type() -> None:
    for command in COMMANDS:
        models = [command.arguments] if command.reply is bytes else [command.arguments, command.reply]
        for model in models:
            for field in model.model_fields.values():  # type: ignore[union-attr]
                assert Variant(signature_of(field.annotation), _empty(signature_of(field.annotation)))


def _empty(signature: str) -> Any:
    starts = {"a{": {}, "a": [], "v": Variant("b", True), "s": "", "b": True}
    return next((value for start, value in starts.items() if signature.startswith(start)), 0)


def test_what_is_none_is_left_out() -> None:
    table = table_of(ControlReply(name="gain", kind="number", value=1.5, maximum=4.0))
    assert table["value"] == Variant("d", 1.5)
    assert table["maximum"] == Variant("d", 4.0)
    assert "minimum" not in table
    assert table["choices"] == Variant("as", [])


def test_a_reply_can_be_written() -> None:
    device = DeviceReply(plugin="v4l2", name="Cam\0\ud800", kind="video", config="", details={"a": "b\0"})
    for reply in (DevicesReply(devices=[device]), LogLevelReply(level="info", loggers={"rtc": "debug"})):
        message = Message.new_signal("/x", "x.y", "Z", "a{sv}", [table_of(reply)])
        assert message._marshall(False)


def test_a_choice_of_scalars_keeps_the_type_of_its_value() -> None:
    assert [encoded(ControlValue, value).signature for value in (True, 7, 0.5, "auto")] == ["b", "x", "d", "s"]


def test_texts_have_no_nul_and_no_surrogates() -> None:
    assert text("a\0b\ud800") == "a\\0b\\ud800"


def test_variants_are_opened() -> None:
    assert plain({"a": Variant("as", ["x"]), "b": Variant("v", Variant("q", 3))}) == {"a": ["x"], "b": 3}


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1: "x"}, (1, 2), float("inf"), Variant("h", 0), None],
    ids=["bytes", "number as key", "structure", "infinite", "file descriptor", "none"],
)
def test_what_no_argument_can_be_is_refused(value: Any) -> None:
    with pytest.raises(ControlError) as caught:
        plain({"a": [value]})
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_tables_cannot_be_too_deep() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH + 1):
        value = Variant("v", value) if isinstance(value, Variant) else Variant("i", 1)
    with pytest.raises(ControlError, match="deep"):
        plain(value)
