"""The files, what is kept, and what is not: together one configuration."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.config.loader import load
from lkedge.config.models import Config, VideoPublish
from lkedge.daemon.configuration import Configuration, Draft
from lkedge.daemon.kept import Kept
from lkedge.daemon.persist import StateFile
from lkedge.errors import ConfigError, NoSuchTrack
from lkedge.plugin.manager import PluginManager
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import Permissions
from lkedge.terms import Rid

FRONT = '[[track]]\nname = "front"\nsource = "testsrc"\ncapture = { width = 640, height = 360 }\n'
MIC = '[[track]]\nname = "mic"\nsource = "tone"\n'
REGISTRY = PluginManager(load_entry_points=False).registry


class Life:
    """One daemon's life after another, over the same files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "token").write_text("x")
        self.write(FRONT + MIC)

    @property
    def path(self) -> Path:
        return self._folder / "lkedge.toml"

    def write(self, tracks: str) -> None:
        self.path.write_text(f'[livekit]\nurl = "ws://localhost"\ntoken_file = "token"\n{tracks}')

    def begin(self) -> Configuration:
        config = load(self.path, REGISTRY, environ={})
        made = Configuration(config, REGISTRY, StateFile(self._folder / "state" / "changes.json"), {})
        made.adopt(made.restored())
        return made


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


async def adopt(configuration: Configuration, draft: Draft) -> None:
    configuration.adopt(draft)
    await configuration.save()


def names(config: Config) -> list[str]:
    return [track.name for track in config.tracks]


def bitrate(configuration: Configuration) -> int | None:
    publish = configuration.track("front").publish
    assert isinstance(publish, VideoPublish)
    return publish.max_bitrate


def limited(bits: int) -> dict[str, object]:
    return {"publish": {"video_encoding": {"max_bitrate": bits}}}


async def test_kept_changes_survive_and_others_do_not(life: Life) -> None:
    first = life.begin()
    await adopt(first, first.changed("front", limited(300_000), persist=True))
    await adopt(first, first.changed("mic", {"muted": True}, persist=False))
    await adopt(first, first.added({"name": "clip", "source": "tone"}, persist=True))
    await adopt(first, first.added({"name": "gone", "source": "tone"}, persist=False))
    assert names(first.current) == ["front", "mic", "clip", "gone"]
    second = life.begin()
    assert names(second.current) == ["front", "mic", "clip"]
    assert (bitrate(second), second.track("mic").muted) == (300_000, False)


async def test_a_reload_brings_back_what_is_on_the_disk(life: Life) -> None:
    now = life.begin()
    await adopt(now, now.changed("front", limited(300_000), persist=True))
    await adopt(now, now.changed("front", limited(200_000), persist=False))
    await adopt(now, now.removed("mic", persist=False))
    assert (bitrate(now), names(now.current)) == (200_000, ["front"])
    await adopt(now, now.reread())
    assert (bitrate(now), names(now.current)) == (300_000, ["front", "mic"])


async def test_what_is_kept_reaches_through_what_is_not(life: Life) -> None:
    now = life.begin()
    await adopt(now, now.changed("front", limited(200_000), persist=False))
    await adopt(now, now.changed("front", limited(300_000), persist=True))
    assert bitrate(now) == 300_000
    await adopt(now, now.added({"name": "clip", "source": "tone"}, persist=False))
    await adopt(now, now.changed("clip", {"muted": True}, persist=True))
    assert life.begin().track("clip").muted


async def test_removed_for_good_and_added_again(life: Life) -> None:
    first = life.begin()
    await adopt(first, first.removed("mic", persist=True))
    second = life.begin()
    assert names(second.current) == ["front"]
    await adopt(second, second.added({"name": "mic", "source": "tone", "muted": True}, persist=True))
    assert life.begin().track("mic").muted
    await adopt(second, second.removed("mic", persist=True))
    assert names(life.begin().current) == ["front"]


async def test_a_bad_change_changes_nothing(life: Life) -> None:
    now = life.begin()
    with pytest.raises(ConfigError) as caught:
        now.changed("front", {"muted": "yes", "publish": {"dynacastt": True}}, persist=True)
    assert len(caught.value.problems) == 2
    for settings in ({"source": "tone"}, {"name": "mic", "source": "tone"}, {"name": "x", "source": "nothing"}):
        with pytest.raises(ConfigError):
            now.added(settings, persist=True)
    with pytest.raises(NoSuchTrack, match="there are: front, mic"):
        now.changed("side", {}, persist=False)
    with pytest.raises(ConfigError, match="cannot be renamed"):
        now.changed("front", {"name": "side"}, persist=False)
    assert now.kept.names == frozenset()


async def test_a_bad_file_keeps_the_old_configuration(life: Life) -> None:
    now = life.begin()
    before = now.current
    life.write(FRONT.replace("testsrc", "testsrcc") + MIC + "bad = 1\n")
    with pytest.raises(ConfigError) as caught:
        now.reread()
    assert len(caught.value.problems) == 2
    assert now.current is before


async def test_kept_things_of_a_track_that_is_gone_are_dropped_with_a_line(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    now = life.begin()
    await adopt(now, now.changed("mic", {"muted": True}, persist=True))
    await adopt(now, now.keeping(now.kept.with_limit("mic", Rid(""), LayerLimit(False))))
    life.write(FRONT)
    caplog.set_level(logging.INFO, "lkedge.daemon")
    again = life.begin()
    assert [record.getMessage() for record in caplog.records] == [
        "what was kept of track mic is dropped: there is no such track any more"
    ]
    await again.save()
    life.write(FRONT + MIC)
    assert not life.begin().track("mic").muted


async def test_kept_things_that_no_longer_fit_are_dropped_and_the_others_stay(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    now = life.begin()
    await adopt(now, now.changed("front", limited(300_000), persist=True))
    await adopt(now, now.changed("mic", {"muted": True}, persist=True))
    life.write(FRONT.replace("testsrc", "tone").replace("capture", "# capture") + MIC)
    again = life.begin()
    assert "track front no longer fits" in caplog.text
    assert "is for video" in caplog.text
    assert (again.track("front").source, again.track("mic").muted) == ("tone", True)


async def test_the_rest_is_kept_too(life: Life) -> None:
    now = life.begin()
    kept = now.kept.with_limit("front", Rid("h"), LayerLimit(False)).with_control("front", "gain", 4)
    await adopt(now, now.keeping(kept))
    assert life.begin().kept == kept
    await adopt(now, now.keeping(replace(kept.without("front"), permissions=Permissions(False))))
    assert life.begin().kept == replace(Kept(), permissions=Permissions(False))
