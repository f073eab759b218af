"""Properties of objects, and what differs between two moments."""

from __future__ import annotations

from dataclasses import replace

from lkedge.control import convert
from lkedge.control.dbus_interfaces import CONNECTION_PROPERTIES, DAEMON_PROPERTIES, TRACK_PROPERTIES
from lkedge.control.dbus_names import ROOT_PATH, track_path
from lkedge.control.dbus_objects import Added, Changed, Removed, differences, objects, track_properties
from lkedge.control.dbus_signals import difference_messages
from lkedge.control.replies import StatusReply
from lkedge.publish.state import ConnectionState, ConnectionStatus, TrackState, TrackStatus
from lkedge.testing.fake_target import video_track


def status(*tracks: TrackStatus) -> StatusReply:
    connection = convert.connection_reply(ConnectionStatus(ConnectionState.CONNECTED), 0)
    return StatusReply(
        version="1", pid=7, since="", uptime=1.0, config_files=[], connection=connection,
        tracks=[convert.track_reply(track) for track in tracks],
    )  # fmt: skip


def test_every_property_has_a_value_of_its_type() -> None:
    found = objects(status(video_track("front")))
    declared = {one.name: one.signature for one in (*DAEMON_PROPERTIES, *CONNECTION_PROPERTIES)}
    assert {name: value.signature for name, value in found[ROOT_PATH].items()} == declared
    declared = {one.name: one.signature for one in TRACK_PROPERTIES}
    assert {name: value.signature for name, value in found[track_path("front")].items()} == declared


def test_a_disabled_track_says_so() -> None:
    track = convert.track_reply(replace(video_track("front"), state=TrackState.DISABLED))
    assert track_properties(track)["Enabled"].value is False


def test_layers_tell_no_measurements() -> None:
    (first, *_) = track_properties(convert.track_reply(video_track("front")))["Layers"].value
    assert "measured_bitrate" not in first
    assert first["bitrate"].value == 160_000


def test_nothing_differs_between_equals() -> None:
    assert differences(objects(status(video_track("a"))), objects(status(video_track("a")))) == []


def test_what_came_what_went_and_what_is_another() -> None:
    before = objects(status(video_track("a"), video_track("b")))
    after = objects(status(replace(video_track("b"), muted=True), video_track("c")))
    added, removed, changed = differences(before, after)
    assert isinstance(added, Added)
    assert added.path == track_path("c")
    assert removed == Removed(track_path("a"), "a")
    assert isinstance(changed, Changed)
    assert {name: value.value for name, value in changed.properties.items()} == {"Muted": True}


def test_a_track_that_comes_is_told_twice() -> None:
    (added,) = differences(objects(status()), objects(status(video_track("a"))))
    managed, ours = difference_messages(added)
    assert (managed.member, managed.path, managed.body[0]) == ("InterfacesAdded", ROOT_PATH, track_path("a"))
    assert (ours.member, ours.body) == ("TrackAdded", ["a", track_path("a")])
