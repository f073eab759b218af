"""One or two channels of sound: what is captured is published."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lkedge.config.models import AudioPublish, Config

Loading = Callable[..., Config]
Complaints = Callable[..., list[str]]

TRACK = '[[track]]\nname = "front"\nsource = "testsrc"\n'
SOUND = '[[track]]\nname = "mic"\nsource = "tone"\n'


@pytest.mark.parametrize(
    ("defaults", "own", "is_stereo"),
    [
        ("", "", False),
        ("", "capture.channels = 2", True),
        ("", "publish.stereo = true", True),
        ("", "capture.channels = 2\npublish.stereo = true", True),
        ("[capture_defaults]\nchannels = 2\n", "", True),
        ("[capture_defaults]\nchannels = 2\n", "publish.stereo = false", False),
        ("[publish_defaults]\nstereo = true\n", "capture.channels = 1", False),
    ],
)
def test_either_says_it_and_the_track_has_the_last_word(
    loaded: Loading, defaults: str, own: str, is_stereo: bool
) -> None:
    track = loaded(f"{defaults}{SOUND}{own}\n").tracks[0]
    assert isinstance(track.publish, AudioPublish)
    assert (track.publish.stereo, track.capture.channels) == (is_stereo, 1 + is_stereo)
    assert (track.publish.dtx, track.publish.audio_bitrate) == ((False, 64_000) if is_stereo else (True, 48_000))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            TRACK + "capture.channels = 2\n",
            'lkedge.toml:7: track "front", capture.channels = 2: is for audio, but this track is video',
        ),
        (
            SOUND + "capture.width = 640\n",
            'lkedge.toml:7: track "mic", capture.width = 640: is for video, but this track is audio',
        ),
        (
            SOUND + "capture.channels = 1\npublish.stereo = true\n",
            'lkedge.toml:7: track "mic", capture.channels = 1: does not go together with stereo = true; '
            "one of the two is enough",
        ),
    ],
)
def test_what_does_not_go_together(problems: Complaints, text: str, complaint: str) -> None:
    assert problems(text) == [complaint]
