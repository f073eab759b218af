from __future__ import annotations

from dataclasses import replace

from lkedge.config.models import AudioPublish, TrackConfig, VideoPublish
from lkedge.publish.track import needs_other_worker
from lkedge.terms import TrackSource

VIDEO = TrackConfig("front", "testsrc", TrackSource.CAMERA, VideoPublish())
AUDIO = TrackConfig("mic", "tone", TrackSource.MICROPHONE, AudioPublish())


def test_another_encoder_of_pictures_is_for_the_running_worker() -> None:
    assert not needs_other_worker(VIDEO, replace(VIDEO, publish=VideoPublish(encoder="m2m")))


def test_another_encoder_of_sound_is_not() -> None:
    assert needs_other_worker(AUDIO, replace(AUDIO, publish=AudioPublish(encoder="other")))


def test_another_source_is_not() -> None:
    assert needs_other_worker(VIDEO, replace(VIDEO, source="file"))
