"""A track takes over other settings: what follows at once, what waits for the source, what the server has to hear."""

from __future__ import annotations

from dataclasses import replace

from lkedge.config.models import AudioPublish, CaptureConfig, TrackConfig, VideoPublish
from lkedge.plugin.api import AudioFormat, VideoFormat
from lkedge.publish.audio_track import AudioTrack
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.track import changed_controls, needs_other_worker
from lkedge.publish.video_track import VideoTrack
from lkedge.terms import BitsPerSecond, Codec, Rid, TrackSource

PUBLISH = VideoPublish()
FRONT = TrackConfig("front", "testsrc", TrackSource.CAMERA, PUBLISH)
HD = VideoFormat(1280, 720, 30.0)


def opened(video_format: VideoFormat = HD) -> VideoTrack:
    made = VideoTrack(FRONT, PUBLISH)
    made.set_format(video_format)
    made.controller.set_published(True)
    made.replan(0)
    return made


def changed(track: VideoTrack, **settings: object) -> VideoTrack:
    publish = replace(PUBLISH, **settings)  # type: ignore[arg-type]
    track.change(replace(FRONT, publish=publish), publish)
    track.replan(1)
    return track


def bitrates(track: VideoTrack) -> dict[str, int]:
    return {state.rid: state.bitrate for state in track.worker_plan().layers}


def test_a_bitrate_follows_at_once_and_a_lower_limit_stays() -> None:
    track = opened()
    before = track.announcement
    track.set_limit(Rid("h"), LayerLimit(max_bitrate=BitsPerSecond(200_000)))
    changed(track, max_bitrate=BitsPerSecond(900_000))
    assert bitrates(track) == {"q": 160_000, "h": 200_000, "f": 900_000}
    assert track.announcement == before


def test_a_source_that_has_changed_its_size_keeps_it() -> None:
    track = opened()
    track.set_format(VideoFormat(640, 360, 30.0))
    changed(track, max_bitrate=BitsPerSecond(900_000))
    assert track.rids == ("q", "h", "f")
    assert track.size == (640, 360)


def test_layers_of_another_number_are_another_publication() -> None:
    track = opened()
    before = track.announcement
    assert changed(track, simulcast=False).announcement != before


def test_another_codec_counts_only_once_the_source_is_open_again() -> None:
    track = opened()
    before = track.announcement
    track.reopen()
    changed(track, video_codec=Codec.H264)
    assert (track.is_known, track.announcement) == (False, before)
    track.set_format(HD)
    assert (track.is_known, track.codec) == (True, Codec.H264)
    assert track.announcement != before


def test_a_reopened_source_counts_as_wanted() -> None:
    track = opened()
    track.controller.set_muted(True)
    track.replan(0)
    track.replan(10**12)
    assert not track.captures
    track.reopen()
    assert track.captures


def test_sound_with_other_flags_is_another_publication() -> None:
    publish = AudioPublish()
    config = TrackConfig("mic", "tone", TrackSource.MICROPHONE, publish)
    track = AudioTrack(config, publish)
    track.set_format(AudioFormat(1))
    before = track.announcement
    quiet = replace(publish, audio_bitrate=BitsPerSecond(16_000))
    track.change(replace(config, publish=quiet), quiet)
    assert track.announcement == before
    redundant = replace(publish, red=True)
    track.change(replace(config, publish=redundant), redundant)
    assert track.announcement != before


def test_what_needs_another_worker() -> None:
    sound = TrackConfig("mic", "tone", TrackSource.MICROPHONE, AudioPublish())
    quiet = replace(sound, publish=AudioPublish(audio_bitrate=BitsPerSecond(16_000)))
    assert not needs_other_worker(sound, quiet)
    assert not needs_other_worker(FRONT, replace(FRONT, publish=replace(PUBLISH, dynacast=False)))
    assert needs_other_worker(FRONT, replace(FRONT, capture=CaptureConfig(640, 360)))


def test_changed_controls() -> None:
    def with_controls(**controls: int) -> TrackConfig:
        return replace(FRONT, source_options={"controls": controls})

    assert changed_controls(FRONT, with_controls(gain=1)) == {"gain": 1}
    assert changed_controls(with_controls(gain=1, focus=2), with_controls(gain=3, focus=2)) == {"gain": 3}
    assert changed_controls(with_controls(gain=1), FRONT) is None
    assert needs_other_worker(with_controls(gain=1), FRONT)
    assert not needs_other_worker(with_controls(gain=1), with_controls(gain=2))
