"""`NAME=VALUE` as JSON values; rates and times for people."""

from __future__ import annotations

from typing import Any

import pytest

from lkedge.ctl.errors import UsageError
from lkedge.ctl.values import assignments, duration, rate, value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("muted", "true", True),
        ("width", "640", 640),
        ("framerate", "12.5", 12.5),
        ("name", "front door", "front door"),
        ("max_bitrate", "300k", 300_000),
        ("video_encoding.max_bitrate", "1.5M", 1_500_000),
        ("audio_bitrate", "speech", "speech"),
        ("device", "300k", "300k"),
        ("max_bitrate", "none", None),
        ("list", '["a", 1]', ["a", 1]),
        ("path", "a=b", "a=b"),
        ("text", '"640"', "640"),
    ],
)
def test_values_have_the_type_that_they_look_like(name: str, text: str, expected: Any) -> None:
    assert value(name, text) == expected


def test_dots_make_tables() -> None:
    assert assignments(["a.b=1", "a.c.d=x", "e=a=b"]) == {"a": {"b": 1, "c": {"d": "x"}}, "e": "a=b"}


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a..b=1"], ["a=1", "a=2"], ["a=1", "a.b=2"], ["a.b=1", "a=2"]])
def test_what_makes_no_table_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        assignments(words)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (3_600, "1 h 0 min"), (90_061, "1 d 1 h"), (125, "2 min 5 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_rates() -> None:
    assert [rate(bits) for bits in (0, 48_000, 1_700_000)] == ["-", "48 kbit/s", "1.70 Mbit/s"]
