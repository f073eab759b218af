"""What becomes of a running configuration, table driven: what was, what is, what is said and done."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from lkedge.config.models import (
    ApiKey,
    AudioPublish,
    CaptureConfig,
    Config,
    ControlConfig,
    IceConfig,
    LiveKitConfig,
    TokenFile,
    TrackConfig,
    VideoPublish,
)
from lkedge.daemon.reload import Effect, plan
from lkedge.media.layers import Preset, VideoEncoding
from lkedge.terms import BitsPerSecond, Codec, Isolation, TrackSource

LIVEKIT = LiveKitConfig("ws://a", TokenFile(Path("token")))
HD = CaptureConfig(1280, 720, 30)
FRONT = TrackConfig("front", "v4l2", TrackSource.CAMERA, VideoPublish(), HD, {"device": "/dev/video0"})
MIC = TrackConfig("mic", "tone", TrackSource.MICROPHONE, AudioPublish())
BASE = Config(LIVEKIT, (FRONT, MIC))


def preset(bitrate: int, framerate: float = 20, width: int = 640, height: int = 360) -> Preset:
    return Preset(width, height, VideoEncoding(BitsPerSecond(bitrate), framerate))


def published(**changes: Any) -> TrackConfig:
    return replace(FRONT, publish=replace(FRONT.publish, **changes))


def captured(**changes: Any) -> TrackConfig:
    return replace(FRONT, capture=replace(HD, **changes))


def sounding(**changes: Any) -> TrackConfig:
    return replace(MIC, publish=replace(MIC.publish, **changes))


LADDER = (preset(160_000, width=320, height=180), preset(450_000))

VIDEO = [
    (FRONT, published(max_bitrate=1_000_000), Effect.CHANGED, "front: bitrate of f 1700 -> 1000 kbit/s"),
    (FRONT, published(max_framerate=15.0), Effect.CHANGED, "frame rate of f 30 -> 15"),
    (
        published(lower_layers=LADDER),
        published(lower_layers=(LADDER[0], preset(300_000))),
        Effect.CHANGED,
        "front: bitrate of h 450 -> 300 kbit/s",
    ),
    (
        published(lower_layers=LADDER),
        published(lower_layers=(LADDER[0], preset(450_000, width=960, height=540))),
        Effect.CHANGED,
        "front: size of h 640x360 -> 960x540",
    ),
    (FRONT, published(dynacast=False), Effect.CHANGED, "front: dynacast on -> off"),
    (FRONT, captured(source_idle_after_s=5.0), Effect.CHANGED, "front: source_idle_after 2 -> 5"),
    (FRONT, replace(FRONT, muted=True), Effect.CHANGED, "front: muted"),
    (FRONT, captured(width=640, height=480), Effect.PUBLISHED_ANEW, "capture 1280x720 -> 640x480, layers q h f -> q h"),
    (FRONT, captured(width=1920, height=1080), Effect.RESTARTED, "front: restarted (capture 1280x720 -> 1920x1080"),
    (FRONT, captured(framerate=15.0), Effect.RESTARTED, "capture frame rate 30 -> 15"),
    (
        FRONT,
        replace(FRONT, source_options={"device": "/dev/video2"}),
        Effect.RESTARTED,
        "front: restarted (device /dev/video0 -> /dev/video2)",
    ),
    (FRONT, replace(FRONT, source="testsrc", source_options={}), Effect.RESTARTED, "source v4l2 -> testsrc"),
    (FRONT, replace(FRONT, isolation=Isolation.THREAD), Effect.RESTARTED, "isolation process -> thread"),
    (FRONT, published(encoder="x264"), Effect.CHANGED, "front: encoder auto -> x264"),
    (FRONT, published(video_codec=Codec.H264), Effect.PUBLISHED_ANEW, "video_codec vp8 -> h264"),
    (FRONT, published(simulcast=False), Effect.PUBLISHED_ANEW, "front: published anew (layers q h f -> single)"),
    (FRONT, published(stream="main"), Effect.PUBLISHED_ANEW, 'stream "" -> main'),
]

AUDIO = [
    (MIC, sounding(audio_bitrate=32_000), Effect.CHANGED, "mic: bitrate 48 -> 32 kbit/s"),
    (MIC, sounding(fec=False), Effect.RESTARTED, "mic: restarted (fec on -> off)"),
    (MIC, sounding(red=True), Effect.PUBLISHED_ANEW, "mic: published anew (red off -> on)"),
    (
        MIC,
        replace(MIC, capture=CaptureConfig(noise_suppression=True)),
        Effect.RESTARTED,
        "noise_suppression default -> on",
    ),
]


@pytest.mark.parametrize(("old", "new", "effect", "words"), VIDEO + AUDIO, ids=lambda value: str(value)[:40])
def test_a_changed_track(old: TrackConfig, new: TrackConfig, effect: Effect, words: str) -> None:
    made = plan(Config(LIVEKIT, (old,)), Config(LIVEKIT, (new,)))
    assert [step.effect for step in made.steps] == [effect]
    assert words in made.summary
    assert made.steps[0].track == new


def with_controls(**controls: int) -> TrackConfig:
    return replace(FRONT, source_options={"device": "/dev/video0", "controls": controls})


def test_controls_that_are_set_are_set_live() -> None:
    made = plan(Config(LIVEKIT, (with_controls(gain=1),)), Config(LIVEKIT, (with_controls(gain=4, focus=2),)))
    assert str(made.steps[0]) == "front: control focus default -> 2, control gain 1 -> 4"
    assert made.steps[0].effect is Effect.CHANGED


def test_a_control_that_is_no_longer_set_needs_the_device_anew() -> None:
    made = plan(Config(LIVEKIT, (with_controls(gain=1),)), Config(LIVEKIT, (with_controls(),)))
    assert made.steps[0].effect is Effect.RESTARTED


def test_what_goes_comes_first_and_what_stays_is_counted() -> None:
    clip = replace(FRONT, name="clip", source="file")
    new = Config(LIVEKIT, (clip, published(max_bitrate=1_000_000)))
    made = plan(replace(BASE, tracks=(FRONT, MIC, replace(MIC, name="other"))), replace(new, tracks=(*new.tracks, MIC)))
    assert made.summary == ("other: removed; front: bitrate of f 1700 -> 1000 kbit/s; clip: added; 1 unchanged")


def test_switched_off_and_on() -> None:
    off = replace(MIC, enabled=False)
    assert plan(BASE, replace(BASE, tracks=(FRONT, off))).summary == "mic: disabled; 1 unchanged"
    assert plan(replace(BASE, tracks=(FRONT, off)), BASE).summary == "mic: enabled; 1 unchanged"


def test_a_track_of_another_kind_is_published_anew() -> None:
    sound = replace(MIC, name="front")
    assert plan(BASE, replace(BASE, tracks=(sound, MIC))).steps[0].effect is Effect.PUBLISHED_ANEW


def test_nothing_is_different() -> None:
    assert plan(BASE, replace(BASE, files=(Path("other.toml"),))).summary == "nothing is different; 2 unchanged"


@pytest.mark.parametrize(
    ("livekit", "effect", "words"),
    [
        (replace(LIVEKIT, url="ws://b"), Effect.JOINED_ANEW, "room: joined anew (server ws://a -> ws://b)"),
        (replace(LIVEKIT, ice=IceConfig(ipv6=False)), Effect.JOINED_ANEW, "other ICE settings"),
        (replace(LIVEKIT, name="Yard"), Effect.SHOWN, "participant: other name"),
        (replace(LIVEKIT, attributes={"a": "b"}), Effect.SHOWN, "participant: other attributes"),
    ],
)
def test_another_connection(livekit: LiveKitConfig, effect: Effect, words: str) -> None:
    made = plan(BASE, replace(BASE, livekit=livekit))
    assert [step.effect for step in made.steps] == [effect]
    assert words in made.summary
    assert made.unchanged == 2


def test_no_secret_is_said() -> None:
    keys = [ApiKey("key", secret, "room", "me") for secret in ("firstsecret", "othersecret")]
    old, new = (replace(BASE, livekit=replace(LIVEKIT, credentials=key)) for key in keys)
    camera = [replace(FRONT, source_options={"url": f"rtsp://user:{word}@cam/"}) for word in ("hunter1", "hunter2")]
    made = plan(replace(old, tracks=(camera[0],)), replace(new, tracks=(camera[1],)))
    assert "secret" not in made.summary.replace("(secret)", "")
    assert "hunter" not in made.summary


def test_the_rest() -> None:
    control = ControlConfig(metrics_port=9000, is_open_to_read=True)
    new = replace(BASE, log_level="debug", plugins={"h264": {"x": 1}}, control=control)
    assert plan(BASE, new).summary == (
        "log: level info -> debug; plugins: settings of h264; "
        "[control]: restart the daemon to apply it (allow_read off -> on, metrics_port 0 -> 9000); 2 unchanged"
    )


def test_no_part_of_the_configuration_is_forgotten() -> None:
    planned_with = {"livekit", "tracks", "log_level", "control", "plugins"}
    assert {field.name for field in fields(Config)} == planned_with | {"files", "document"}


def test_mute_is_a_matter_of_the_files_only_when_they_say_something_else() -> None:
    muted = replace(MIC, muted=True)
    assert plan(BASE, replace(BASE, tracks=(FRONT, muted))).steps[0].mute is True
    assert plan(replace(BASE, tracks=(FRONT, muted)), BASE).steps[0].mute is False
    quiet = replace(muted, publish=AudioPublish(audio_bitrate=BitsPerSecond(16_000)))
    assert plan(replace(BASE, tracks=(muted,)), replace(BASE, tracks=(quiet,))).steps[0].mute is None
