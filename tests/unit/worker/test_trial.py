"""The trial itself: what it finds out about encoders that work, and about those that do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lkedge.builtin.plugin import lkedge_register_encoders
from lkedge.builtin.scaler import Scaler
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import default_encoding, simulcast_ladder
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.trial import run_trial
from lkedge.worker.trial_picture import MovingPicture, captured_ns, index_of
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult, trial_layers

LAYERS = (
    TrialLayer(Rid("h"), 320, 180, 30.0, BitsPerSecond(400_000)),
    TrialLayer(Rid("q"), 160, 90, 30.0, BitsPerSecond(100_000)),
)

BUILTIN: dict[str, EncoderRegistration] = {}
lkedge_register_encoders(lambda entry: BUILTIN.update({entry.name: entry}))


class Wrapped(VideoEncoder):
    """x264, with one thing gone wrong."""

    def __init__(self, settings: VideoEncoderSettings, change: Callable[[int, EncodedFrame | None], Any]) -> None:
        assert BUILTIN["x264"].video is not None
        self._inner = BUILTIN["x264"].video(settings)
        self._change = change
        self._count = itertools.count()

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        result: EncodedFrame | None = self._change(next(self._count), self._inner.encode(frame, key_frame=key_frame))
        return result

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._inner.set_rate(bitrate, framerate)

    def close(self) -> None:
        self._inner.close()


def tried(registration: EncoderRegistration, layers: tuple[TrialLayer, ...] = LAYERS, **changes: Any) -> TrialResult:
    request = TrialRequest(registration.name, registration.codec, layers, **changes)
    return run_trial(registration, request, Scaler())


def broken(change: Callable[[int, EncodedFrame | None], Any]) -> TrialResult:
    return tried(EncoderRegistration("broken", Codec.H264, "", video=lambda settings: Wrapped(settings, change)))


def grey_encoder(settings: VideoEncoderSettings) -> VideoEncoder:
    class Grey(Wrapped):
        def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
            other = replace(MovingPicture(frame.width, frame.height).at(17, 30), captured_ns=frame.captured_ns)
            return super().encode(other, key_frame=key_frame)

    return Grey(settings, lambda index, frame: frame)


@pytest.mark.parametrize("name", ["x264", "vp8"])
def test_an_encoder_that_works_is_usable_in_every_layer(name: str) -> None:
    result = tried(BUILTIN[name])

    assert result.is_usable, result
    assert result.refused == ()
    assert result.ms == sum(layer.ms for layer in result.layers) > 0
    assert [layer.size for layer in result.layers] == ["320x180", "160x90"]
    assert all(layer.bitrate > 10_000 for layer in result.layers)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda index, frame: None, "only 0 of 12 pictures came out"),
        (lambda index, frame: None if index == 0 else frame, "does not begin with a key frame"),
        (lambda index, frame: replace(frame, is_key=index == 0), "what it says of key frames is not true"),
        (lambda index, frame: frame if index < 6 else None, "no key frame when asked for one"),
        (lambda index, frame: replace(frame, data=frame.data[:60]), "decode|differ"),
    ],
    ids=["nothing", "no first key frame", "lies", "no key frame on demand", "cut off"],
)
def test_what_it_makes_must_be_a_stream(change: Callable[[int, EncodedFrame | None], Any], reason: str) -> None:
    result = broken(change)

    assert not result.is_usable
    assert any(part in result.reason for part in reason.split("|")), result.reason


def test_what_it_shows_must_be_the_picture() -> None:
    result = tried(EncoderRegistration("grey", Codec.H264, "", video=grey_encoder))

    assert "differ by" in result.reason


def test_one_layer_that_is_refused_leaves_the_others() -> None:
    def make(settings: VideoEncoderSettings) -> VideoEncoder:
        if settings.rid == "h":
            raise EncoderError("too large for this block")
        return Wrapped(settings, lambda index, frame: frame)

    result = tried(EncoderRegistration("small", Codec.H264, "", video=make))

    assert result.is_usable
    assert [(layer.rid, layer.reason) for layer in result.refused] == [("h", "small: too large for this block")]


def test_an_encoder_that_fails_later_is_not_usable_and_names_the_error() -> None:
    def fail(index: int, frame: EncodedFrame | None) -> EncodedFrame | None:
        if index == 3:
            raise ZeroDivisionError("in the driver")
        return frame

    assert broken(fail).reason == "broken: ZeroDivisionError: in the driver"


def test_one_that_is_not_usable_is_not_opened() -> None:
    def make(settings: VideoEncoderSettings) -> VideoEncoder:
        raise AssertionError

    registration = EncoderRegistration("gone", Codec.H264, "", video=make, is_usable=lambda: "no device")

    assert tried(registration) == TrialResult("gone", "no device")


def test_it_tells_what_it_does() -> None:
    stages: list[str] = []
    request = TrialRequest("x264", Codec.H264, LAYERS[1:], pictures=2)

    run_trial(BUILTIN["x264"], request, Scaler(), tell=stages.append)

    assert stages == [
        "looking for it",
        "opening it for 160x90",
        "encoding picture 1 of 160x90",
        "encoding picture 2 of 160x90",
        "closing it for 160x90",
        "decoding what it made",
    ]


def test_the_layers_are_those_of_the_track_from_the_top() -> None:
    layers = trial_layers(simulcast_ladder(1280, 720, default_encoding(1280, 720)))

    assert [(layer.rid, layer.size, layer.framerate) for layer in layers] == [
        ("f", "1280x720", 30.0),
        ("h", "640x360", 20.0),
        ("q", "320x180", 20.0),
    ]


def test_pictures_move_and_know_their_time() -> None:
    clip = MovingPicture(160, 90)

    assert clip.row(0, 40)[8:] == clip.row(1, 40)[:-8]
    assert clip.row(0, 40) != clip.row(1, 40)
    assert [index_of(captured_ns(index, 29.97), 29.97) for index in range(100)] == list(range(100))
