"""The interfaces that come out of the table of commands; the files that are installed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from dbus_fast import Variant
from dbus_fast.introspection import Node

from lkedge.control.api import COMMANDS, MANAGER, TRACK
from lkedge.control.dbus_interfaces import INTERFACES, TRACK_PROPERTIES, Method
from lkedge.control.dbus_names import OBJECT_MANAGER
from lkedge.control.dbus_xml import node_xml
from lkedge.control.errors import Code, ControlError

TOP = Path(__file__).resolve().parents[3]


def method(interface: str, name: str) -> Method:
    return next(one for one in INTERFACES[interface].methods if one.name == name)


def test_every_command_is_a_method() -> None:
    members = {(name, one.name) for name, interface in INTERFACES.items() for one in interface.methods}
    assert members == {command.dbus for command in COMMANDS}
    assert len(members) == len(COMMANDS)


@pytest.mark.parametrize(
    ("interface", "name", "signature"),
    [
        (MANAGER, "Status", ""),
        (MANAGER, "AddTrack", "a{sv}a{sv}"),
        (MANAGER, "SetPermissions", "ba{sv}"),
        (TRACK, "Mute", "a{sv}"),
        (TRACK, "SetLayer", "sa{sv}"),
        (TRACK, "SetControl", "sva{sv}"),
    ],
)
def test_signatures_that_programs_rely_on(interface: str, name: str, signature: str) -> None:
    assert "".join(argument.signature for argument in method(interface, name).takes) == signature


def test_options_may_be_left_out() -> None:
    set_layer = method(TRACK, "SetLayer")
    assert set_layer.values("front", "s", ["h"]) == {"track": "front", "rid": "h"}
    options = {"enabled": Variant("b", False)}
    assert set_layer.values("front", "sa{sv}", ["h", options]) == {"track": "front", "rid": "h", **options}


@pytest.mark.parametrize("options", [{"rid": Variant("s", "q")}, {"track": Variant("s", "talk")}])
def test_options_cannot_say_again_what_was_said(options: dict[str, Variant]) -> None:
    with pytest.raises(ControlError, match="given twice"):
        method(TRACK, "SetLayer").values("front", "sa{sv}", ["h", options])


def test_another_signature_is_refused_with_the_right_one() -> None:
    with pytest.raises(ControlError, match=r"takes s rid a\{sv\} options, and was given i") as caught:
        method(TRACK, "SetLayer").values("front", "i", [1])
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_the_introspection_is_understood() -> None:
    node = Node.parse(node_xml(MANAGER, ["track"], is_root=True))
    assert {MANAGER, OBJECT_MANAGER} <= {interface.name for interface in node.interfaces}
    assert [child.name for child in node.nodes] == ["track"]
    track = next(one for one in Node.parse(node_xml(TRACK, [])).interfaces if one.name == TRACK)
    assert {one.name: one.signature for one in track.properties} == {
        one.name: one.signature for one in TRACK_PROPERTIES
    }


def test_the_installed_files_are_current() -> None:
    for path, text in runpy.run_path(str(TOP / "tools/make_dbus_interfaces.py"))["files"]().items():
        assert path.read_text() == text, "run: .venv/bin/python tools/make_dbus_interfaces.py"
        assert Node.parse(text)
