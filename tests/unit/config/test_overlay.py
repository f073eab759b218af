"""Changes at run time go through the same checks as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lkedge.config.document import Document
from lkedge.config.loader import read_document, resolve
from lkedge.config.models import Config, VideoPublish
from lkedge.config.overlay import TrackOverlay, merged, overlaid, track_table
from lkedge.errors import ConfigError
from lkedge.plugin.manager import PluginManager

FILE = """
[livekit]
url = "ws://localhost"
token_file = "token"

[[track]]
name = "front"
source = "testsrc"
testsrc = { }
capture = { width = 640, height = 360 }
publish = { dynacast = false, video_encoding = { max_bitrate = 500000 } }

[[track]]
name = "mic"
source = "tone"
"""

REGISTRY = PluginManager(load_entry_points=False).registry


@pytest.fixture
def document(tmp_path: Path) -> Document:
    (tmp_path / "token").write_text("x")
    path = tmp_path / "lkedge.toml"
    path.write_text(FILE)
    return read_document(path)


def with_tracks(document: Document, **tracks: TrackOverlay) -> Config:
    return resolve(overlaid(document, tracks), REGISTRY, {})


def test_a_patch_changes_only_what_it_says(document: Document) -> None:
    patch = TrackOverlay({"publish": {"video_encoding": {"max_bitrate": 300_000}}, "muted": True})
    front = with_tracks(document, front=patch).tracks[0]
    assert isinstance(front.publish, VideoPublish)
    assert (front.publish.max_bitrate, front.publish.dynacast, front.muted) == (300_000, False, True)
    assert front.capture.width == 640


def test_none_takes_a_setting_away(document: Document) -> None:
    front = with_tracks(document, front=TrackOverlay({"publish": {"dynacast": None}})).tracks[0]
    assert isinstance(front.publish, VideoPublish)
    assert front.publish.dynacast


def test_the_document_itself_stays_as_it_is(document: Document) -> None:
    before = resolve(document, REGISTRY, {})
    with_tracks(document, front=TrackOverlay({"muted": True}), clip=TrackOverlay({"source": "tone"}, is_added=True))
    assert resolve(document, REGISTRY, {}) == before


def test_settings_of_the_old_source_go_with_it(document: Document) -> None:
    config = with_tracks(document, front=TrackOverlay({"source": "tone", "capture": None, "publish": None}))
    assert config.tracks[0].source == "tone"


def test_a_track_is_added_and_one_takes_the_place_of_another(document: Document) -> None:
    added = TrackOverlay({"source": "tone"}, is_added=True)
    config = with_tracks(document, clip=added, front=added)
    assert [(track.name, track.source) for track in config.tracks] == [
        ("front", "tone"), ("mic", "tone"), ("clip", "tone"),
    ]  # fmt: skip


def test_what_names_no_track_is_left_out(document: Document) -> None:
    assert len(with_tracks(document, gone=TrackOverlay({"muted": True})).tracks) == 2


def test_problems_are_told_without_a_place_in_a_file(document: Document) -> None:
    with pytest.raises(ConfigError) as caught:
        with_tracks(
            document,
            clip=TrackOverlay({"source": "testsrcc"}, is_added=True),
            mic=TrackOverlay({"publish": {"audio_bitrate": 1}}),
        )
    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == [
        'track "clip", source = "testsrcc"', 'track "mic", publish.audio_bitrate = 1',
    ]  # fmt: skip


def test_problems_of_the_file_keep_theirs(document: Document) -> None:
    document.data["track"][0]["publish"]["dynacast"] = "yes"
    with pytest.raises(ConfigError, match=r"lkedge\.toml:11: track \"front\", publish\.dynacast"):
        with_tracks(document, front=TrackOverlay({"publish": {"simulcast": False}}))


@pytest.mark.parametrize(
    ("table", "patch", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({}, {"a": None}, {}),
        ({"source": "x", "x": {"y": 1}}, {"source": "z"}, {"source": "z"}),
        ({"source": "x", "x": {"y": 1}}, {"source": "x"}, {"source": "x", "x": {"y": 1}}),
    ],
)
def test_merge_patch(table: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert merged(table, patch) == result


@pytest.mark.parametrize("is_added", [False, True])
def test_two_patches_do_what_they_do_one_after_the_other(is_added: bool) -> None:
    table = {} if is_added else {"a": {"b": 1, "c": 2}, "d": 1}
    first, then = {"a": {"b": None, "e": 3}, "d": 5}, {"a": {"c": None}, "d": None, "f": {"g": None}}
    both = TrackOverlay(first, is_added).then(then)
    assert merged(table, both.settings) == merged(merged(table, first), then)


def test_the_table_of_a_track(document: Document) -> None:
    table = track_table(document, "mic")
    assert table == {"name": "mic", "source": "tone"}
    assert track_table(document, "gone") is None
