"""What was changed at run time is on the disk, whole, or said not to be."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.config.overlay import TrackOverlay
from lkedge.daemon.kept import Kept, from_json, to_json
from lkedge.daemon.persist import StateFile, state_path
from lkedge.errors import StateError
from lkedge.publish.layer_controller import NO_LIMIT, LayerLimit
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.terms import BitsPerSecond, Rid

KEPT = Kept(
    {
        "front": TrackOverlay({"muted": True, "publish": {"dynacast": None}}),
        "clip": TrackOverlay({"source": "tone"}, is_added=True),
        "mic": TrackOverlay(is_removed=True),
    },
    {"front": {Rid("h"): LayerLimit(False, BitsPerSecond(300_000), 12.5)}},
    {"front": {"gain": 4, "mode": "manual", "flip": True}},
    Permissions(False, (ParticipantPermission("ann", True), ParticipantPermission("bob", tracks=("front",)))),
)


def test_what_is_read_is_what_was_written() -> None:
    assert from_json(json.loads(json.dumps(to_json(KEPT)))) == KEPT
    assert from_json(to_json(Kept())) == Kept()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"version": 2},
        {},
        {"version": 1, "tracks": []},
        {"version": 1, "tracks": {"a": 1}},
        {"version": 1, "tracks": {"a": {"added": 1}}},
        {"version": 1, "tracks": {"a": {"limits": {"h": {"max_bitrate": -1}}}}},
        {"version": 1, "tracks": {"a": {"limits": {"h": {"max_framerate": float("nan")}}}}},
        {"version": 1, "tracks": {"a": {"controls": {"gain": []}}}},
        {"version": 1, "permissions": []},
        {"version": 1, "permissions": {"participants": [{"identity": 1}]}},
        {"version": 1, "permissions": {"participants": {}}},
    ],
)
def test_other_things_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_json(data)


def test_taking_back_leaves_nothing() -> None:
    rid = Rid("h")
    kept = Kept().with_limit("front", rid, LayerLimit(False)).with_control("front", "gain", 1)
    assert kept.names == {"front"}
    assert kept.with_limit("front", rid, NO_LIMIT).limits == {}
    assert kept.without("front") == Kept()
    assert Kept().with_track("front", TrackOverlay()) == Kept()


def test_the_latest_control_comes_last() -> None:
    kept = Kept().with_control("front", "mode", "manual").with_control("front", "gain", 1)
    assert list(kept.with_control("front", "mode", "auto").controls["front"]) == ["gain", "mode"]


async def test_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "changes.json"
    state = StateFile(path)
    state.check()
    await state.write(KEPT)
    await state.write(replace(KEPT, permissions=None))
    assert StateFile(path).read() == replace(KEPT, permissions=None)
    assert [one.name for one in path.parent.iterdir()] == ["changes.json"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", '{"version": 3}', "\x00\xff", "[" * 100_000])
def test_a_broken_file_is_set_aside_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    path = tmp_path / "changes.json"
    path.write_text(text, encoding="latin-1")
    caplog.set_level(logging.WARNING)
    assert StateFile(path).read() == Kept()
    assert [one.name for one in tmp_path.iterdir()] == ["changes.json.broken"]
    assert str(path) in caplog.text
    assert StateFile(path).read() == Kept()


async def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = StateFile(tmp_path / "file" / "changes.json")
    with pytest.raises(StateError, match="file"):
        state.check()
    with pytest.raises(StateError, match=r"holds but is not kept .*changes\.json cannot be written"):
        await state.write(KEPT)
    with pytest.raises(StateError, match="no state directory"):
        StateFile(None).check()


def test_where() -> None:
    assert state_path(None, {"STATE_DIRECTORY": "/var/lib/lkedge:/x", "HOME": "/h"}) == Path(
        "/var/lib/lkedge/changes.json"
    )
    assert state_path(None, {"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/lkedge/changes.json")
    assert state_path(None, {}) is None
    one, other = (state_path(Path(folder) / "yard.toml", {"HOME": "/h"}) for folder in ("/a", "/b"))
    assert one is not None
    assert other is not None
    assert one != other
    assert one.parent == Path("/h/.local/state/lkedge")
    assert one.name.startswith("yard-")
