from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lkedge.clock import SystemClock
from lkedge.config.loader import load
from lkedge.plugin.api import Control, ControlKind, VideoFormat
from lkedge.plugin.manager import PluginManager
from lkedge.publish.publication import Publication
from lkedge.publish.state import TrackState
from lkedge.publish.status import track_status
from lkedge.worker.events import ControlsListed, SourceCondition, SourceFailed, SourceOpened, WorkerDied

CONFIG = '[livekit]\nurl = "ws://localhost"\ntoken_file = "token"\n[[track]]\nname = "hdmi"\nsource = "testsrc"\n'
SPEED = Control("speed", ControlKind.NUMBER, 1.0)


class Listener:
    def __init__(self) -> None:
        self.conditions: list[str] = []

    def do_publication_changed(self, publication: Publication) -> None:
        self.conditions.append(publication.condition)

    def do_mute_changed(self, publication: Publication) -> None:
        raise AssertionError


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def publication(tmp_path: Path, listener: Listener) -> Publication:
    """Its worker is never started; the test says what it reports."""
    (tmp_path / "token").write_text("x")
    path = tmp_path / "lkedge.toml"
    path.write_text(CONFIG)
    config = load(path, PluginManager(load_entry_points=False).registry)
    return Publication(config.tracks[0], (), SystemClock(), listener)


def test_condition_is_in_the_status_beside_the_state(publication: Publication, listener: Listener) -> None:
    publication._on_worker_event(SourceCondition("no cable"))
    status = track_status(publication)
    assert (status.condition, status.state, status.reason) == ("no cable", TrackState.STARTING, "")
    assert listener.conditions == ["no cable"]


def test_controls_are_those_of_the_open_source(publication: Publication) -> None:
    publication._on_worker_event(ControlsListed((SPEED,)))
    assert publication.controls == (SPEED,)
    publication._on_worker_event(ControlsListed(()))
    assert publication.controls == ()


def test_dead_worker_has_neither(publication: Publication, listener: Listener) -> None:
    publication._on_worker_event(SourceCondition("no cable"))
    publication._on_worker_event(ControlsListed((SPEED,)))
    publication._on_worker_event(WorkerDied("killed"))
    assert (publication.condition, publication.controls) == ("", ())
    assert track_status(publication).condition == ""


def test_dead_worker_is_told_until_the_source_is_open_again(publication: Publication) -> None:
    publication._on_worker_event(SourceOpened(video=VideoFormat(640, 360, 30.0)))
    publication._on_worker_event(WorkerDied("killed"))
    assert (publication.state, publication.reason) == (TrackState.FAILED, "its worker died: killed")
    publication._on_worker_event(SourceOpened(video=VideoFormat(640, 360, 30.0)))
    assert (publication.state, publication.reason) == (TrackState.READY, "")


async def test_a_worker_that_dies_with_its_source_closed_is_not_missed(publication: Publication) -> None:
    publication._on_worker_event(SourceOpened(video=VideoFormat(640, 360, 30.0)))
    publication.set_connected(False)
    async with asyncio.timeout(10):
        while publication.track.captures:
            await asyncio.sleep(0.02)
    publication._on_worker_event(WorkerDied("killed"))
    assert publication.state is TrackState.READY


def test_failure_of_the_source_is_no_condition(publication: Publication) -> None:
    publication._on_worker_event(SourceFailed("testsrc: it is gone"))
    status = track_status(publication)
    assert (status.state, status.condition) == (TrackState.FAILED, "")
