"""What a user writes who knows other programs, and what is said to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Complaints = Callable[..., list[str]]

TRACK = '[[track]]\nname = "front"\nsource = "testsrc"\n'

SAID = [
    (
        TRACK + "fps = 30\n",
        'track "front", fps: there is no such setting; here it is "framerate" in "capture" or "max_framerate" in '
        '"publish.video_encoding"',
    ),
    (TRACK + "capture.fps = 30\n", 'track "front", capture.fps: there is no such setting; here it is "framerate"'),
    (
        TRACK + 'capture.resolution = "720p"\n',
        'track "front", capture.resolution: there is no such setting; here it is "width" and "height"',
    ),
    (
        TRACK + 'publish.video_encoding.max_bitrate = "2 Mbit/s"\n',
        'track "front", publish.video_encoding.max_bitrate = "2 Mbit/s": must be a whole number, such as 1700000 bit/s',
    ),
    (
        TRACK + "publish.video_encoding.max_bitrate = 1700\n",
        'track "front", publish.video_encoding.max_bitrate = 1700: must be at least 10000 bit/s',
    ),
    (
        TRACK + 'publish.video_encoding = "h720"\n',
        'track "front", publish.video_encoding = "h720": must be a table, such as { max_bitrate = 1700000, '
        "max_framerate = 30 }",
    ),
    (
        TRACK + 'publish.video_simulcast_layers = "h180"\n',
        'track "front", publish.video_simulcast_layers = "h180": must be a list, such as ["h180", "h360"]',
    ),
    (
        TRACK + 'publish_as = "screen"\n',
        'track "front", publish_as = "screen": must be "camera", "microphone", "screen_share" or '
        '"screen_share_audio"; did you mean "screen_share"?',
    ),
    ('[[track]]\nname = ""\nsource = "tone"\n', 'track "", name = "": must not be empty'),
    ('[[track]]\nname = front\nsource = "tone"\n', "a text stands in quotes"),
    ('[[track]]\nname = "a"\nname = "b"\n', "this setting stands in its table twice"),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_one_sentence_with_the_remedy(problems: Complaints, text: str, said: str) -> None:
    (problem,) = problems(text)
    assert said in problem


def test_secrets_have_files_of_their_own(problems: Complaints) -> None:
    said = problems('[livekit]\nurl = "wss://h"\napi_secret = "hush"\n', bare=True)
    assert any(
        "api_secret: there is no such setting; what is secret has a file of its own, which" in one for one in said
    )
    assert "hush" not in "".join(said)


def test_a_file_that_is_no_toml_is_all_that_is_said(problems: Complaints) -> None:
    (problem,) = problems("livekit:\n  url: ws://h\n", bare=True)
    assert problem.endswith('a setting is written key = value, as in name = "front"')
