"""What the server and the worker are told about a video track."""

from lkedge.config.models import TrackConfig, VideoPublish
from lkedge.plugin.api import VideoFormat
from lkedge.publish.video_track import VideoTrack
from lkedge.terms import Cid, Codec, TrackSource, VideoQuality

FORMAT = VideoFormat(1280, 720, 30.0)


def track(publish: VideoPublish | None = None) -> VideoTrack:
    publish = publish or VideoPublish()
    return VideoTrack(TrackConfig("front", "testsrc", TrackSource.CAMERA, publish), publish)


def published(video_format: VideoFormat = FORMAT, publish: VideoPublish | None = None) -> VideoTrack:
    made = track(publish)
    made.set_format(video_format)
    made.controller.set_published(True)
    made.replan(0)
    return made


def test_unknown_until_the_source_is_open() -> None:
    made = track()
    assert not made.is_known
    made.set_format(FORMAT)
    assert made.is_known


def test_add_track_lists_every_layer() -> None:
    request = published().add_track(Cid("c"), muted=False)
    assert (request.width, request.height, request.codec) == (1280, 720, Codec.VP8)
    assert [(layer.rid, layer.width) for layer in request.layers] == [("q", 320), ("h", 640), ("f", 1280)]


def test_section_has_the_rids() -> None:
    assert published().section(Cid("c")).rids == ("q", "h", "f")


def test_section_of_a_single_layer_has_none() -> None:
    made = published(publish=VideoPublish(simulcast=False))
    assert made.section(Cid("c")).rids == ()
    assert made.rids == ("",)


def test_a_passed_through_source_is_one_layer_of_its_own_codec() -> None:
    made = published(VideoFormat(1920, 1080, 30.0, Codec.H264))
    assert made.codec is Codec.H264
    assert made.rids == ("",)


def test_a_new_capture_size_keeps_the_rids() -> None:
    made = published()
    made.set_format(VideoFormat(640, 480, 30.0))
    assert [(layer.rid, layer.width, layer.height) for layer in made.layers] == [
        ("q", 160, 120),
        ("h", 320, 240),
        ("f", 640, 480),
    ]


def test_the_entry_of_our_codec_counts() -> None:
    made = published()
    off = dict.fromkeys(VideoQuality, False)
    made.set_subscribed({"h264": dict.fromkeys(VideoQuality, True), "vp8": off})
    made.replan(0)
    assert made.active_rids == frozenset()


def test_an_entry_of_another_codec_is_better_than_none() -> None:
    made = published()
    made.set_subscribed({"": {VideoQuality.LOW: True, VideoQuality.MEDIUM: False, VideoQuality.HIGH: False}})
    made.replan(0)
    assert made.active_rids == {"q"}


def test_replan_tells_whether_something_changed() -> None:
    made = published()
    assert not made.replan(1)
    made.controller.set_muted(True)
    assert made.replan(2)
    assert made.target_bitrate == 0


def test_odd_sizes_become_even() -> None:
    top = published(VideoFormat(1279, 719, 30.0)).layers[-1]
    assert (top.width, top.height) == (1278, 718)
