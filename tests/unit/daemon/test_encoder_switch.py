from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lkedge.config.models import CaptureConfig, TrackConfig, VideoPublish
from lkedge.daemon.encoder_switch import EncoderSwitch
from lkedge.errors import SourceError
from lkedge.terms import Codec, TrackSource

BEGAN = TrackConfig("front", "v4l2", TrackSource.CAMERA, VideoPublish(video_codec=Codec.H264, encoder="x264"))
BETTER = replace(BEGAN, publish=VideoPublish(video_codec=Codec.H264))


@dataclass
class Running:
    config: TrackConfig


class Tracks:
    """One track as it is now; remembers what it was changed to, or fails."""

    def __init__(self, now: TrackConfig, error: Exception | None = None) -> None:
        self.publications = [Running(now)]
        self.changed: list[TrackConfig] = []
        self._error = error

    async def change_track(self, config: TrackConfig) -> None:
        if self._error is not None:
            raise self._error
        self.changed.append(config)


async def switched(tracks: Tracks) -> list[TrackConfig]:
    EncoderSwitch(tracks)(BEGAN, BETTER)
    await asyncio.sleep(0)
    return tracks.changed


async def test_a_track_goes_over() -> None:
    assert await switched(Tracks(BEGAN)) == [BETTER]


async def test_what_is_another_matter_stays() -> None:
    muted = replace(BEGAN, muted=True)
    assert await switched(Tracks(muted)) == [replace(BETTER, muted=True)]


@pytest.mark.parametrize(
    "changes",
    [
        {"publish": VideoPublish(video_codec=Codec.VP8)},
        {"publish": replace(BEGAN.publish, encoder="other")},
        {"capture": CaptureConfig(640, 360)},
        {"source": "testsrc"},
        {"name": "another"},
    ],
    ids=["codec", "encoder", "size", "source", "gone"],
)
async def test_a_track_that_was_changed_meanwhile_is_left_alone(changes: dict[str, Any]) -> None:
    assert await switched(Tracks(replace(BEGAN, **changes))) == []


async def test_a_failure_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await switched(Tracks(BEGAN, SourceError("the worker is gone")))
    assert "front: its encoder stays: the worker is gone" in caplog.text
