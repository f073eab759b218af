"""Track names as object paths, and back."""

from __future__ import annotations

import pytest

from lkedge.control.api import MANAGER, TRACK
from lkedge.control.dbus_names import (
    ANY_NAME,
    ROOT_PATH,
    bus_name,
    escaped,
    interface_of,
    member_name,
    track_name,
    track_path,
    unescaped,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("front", "front"),
        ("", "_"),
        ("_", "_5f"),
        ("7up", "_37up"),
        ("a7", "a7"),
        ("front-door", "front_2ddoor"),
        ("a_b", "a_5fb"),
        ("tür/1", "t_c3_bcr_2f1"),
        ("🎥", "_f0_9f_8e_a5"),
    ],
)
def test_names_are_escaped_as_systemd_does(name: str, label: str) -> None:
    assert escaped(name) == label
    assert unescaped(label) == name


@pytest.mark.parametrize("label", ["a_", "a_5", "_zz", "_61", "a_5F", "_ff", "front-door", "7up"])
def test_what_is_no_escaped_name_has_no_track(label: str) -> None:
    assert unescaped(label) is None


def test_paths_and_their_interfaces() -> None:
    assert track_path("front") == "/org/lkedge1/track/front"
    assert track_name("/org/lkedge1/track/front") == "front"
    assert interface_of(track_path("x y")) == TRACK
    assert interface_of(ROOT_PATH) == MANAGER
    for path in ("/", "/org/lkedge1/track", "/org/lkedge1/track/", "/org/lkedge1/track/a/b", "/org/lkedge1/front"):
        assert interface_of(path) is None


def test_fields_become_member_names() -> None:
    assert [member_name(field) for field in ("name", "publish_as")] == ["Name", "PublishAs"]


def test_no_instance_has_the_name_that_all_daemons_queue_for() -> None:
    assert bus_name("") == "org.lkedge1"
    assert bus_name("back-door") == "org.lkedge1.back_2ddoor"
    label = ANY_NAME.removeprefix("org.lkedge1.")
    assert unescaped(label) is None
    assert bus_name(label) != ANY_NAME
