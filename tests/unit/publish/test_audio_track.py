"""What the server and the worker are told about an audio track."""

import pytest

from lkedge.config.models import AudioPublish, CaptureConfig, TrackConfig
from lkedge.plugin.api import AudioFormat
from lkedge.publish.audio_track import AudioTrack
from lkedge.terms import BitsPerSecond, Cid, TrackSource


def track(publish: AudioPublish | None = None) -> AudioTrack:
    publish = publish or AudioPublish()
    made = AudioTrack(TrackConfig("mic", "tone", TrackSource.MICROPHONE, publish), publish)
    made.set_format(AudioFormat(1))
    made.controller.set_published(True)
    made.replan(0)
    return made


def test_the_server_is_told_what_is_really_sent() -> None:
    request = track(AudioPublish(stereo=True, dtx=False, red=True)).add_track(Cid("c"), muted=True)
    assert (request.stereo, request.dtx, request.red, request.muted) == (True, False, True, True)


@pytest.mark.parametrize(
    ("publish", "spare_codec"),
    [(AudioPublish(), "pcmu"), (AudioPublish(dynacast=False), ""), (AudioPublish(red=True), "")],
)
def test_a_spare_codec_makes_the_server_tell_of_listeners(publish: AudioPublish, spare_codec: str) -> None:
    made = track(publish)
    assert made.add_track(Cid("c"), muted=False).spare_codec == spare_codec


def test_dynacast_is_part_of_what_the_server_was_told() -> None:
    assert track().announcement != track(AudioPublish(dynacast=False)).announcement


def test_the_worker_is_told_the_encoding() -> None:
    spec = track(AudioPublish(audio_bitrate=BitsPerSecond(24_000), stereo=True)).worker_spec()
    assert (spec.encoding.bitrate, spec.encoding.channels, spec.capture.channels) == (24_000, 2, 2)


def test_muted_sound_is_not_encoded() -> None:
    made = track()
    assert made.worker_plan().active
    made.controller.set_muted(True)
    made.replan(1)
    assert not made.worker_plan().active
    assert made.layer_states()[0].reason == "muted"


def test_red_is_offered_only_when_asked_for() -> None:
    assert not track().section(Cid("c")).red
    assert track(AudioPublish(red=True)).section(Cid("c")).red


@pytest.mark.parametrize(
    ("publish_as", "unsaid"), [(TrackSource.MICROPHONE, None), (TrackSource.SCREEN_SHARE_AUDIO, False)]
)
def test_only_a_microphone_leaves_the_processing_to_its_source(publish_as: TrackSource, unsaid: bool | None) -> None:
    capture = CaptureConfig(high_pass_filter=True)
    config = TrackConfig("mic", "tone", publish_as, AudioPublish(), capture)
    wanted = AudioTrack(config, AudioPublish()).worker_spec().capture
    assert (wanted.noise_suppression, wanted.auto_gain_control, wanted.high_pass_filter) == (unsaid, unsaid, True)
