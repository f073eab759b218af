from __future__ import annotations

import tomllib
from typing import Any

import pytest

from lkedge.config.locate import KeyPath, locate

TEXT = '''\
# a remark with [brackets] and "quotes"
title = "x = [1]"      # 2

[livekit]
url = "ws://h"
"quoted.key" = 1
a.b.c = true

[livekit.ice]
servers = [
  # a remark
  { urls = "stun:a", username = "u" },
  { urls = [ "turn:b",
             "turn:c" ] },
]

[[track]]
name = """
several
lines \\""" "
"""
[track.file]
path = \'C:\\\'

[[track]]
capture = { width = 1, size = { h = 2 } }
when = 1979-05-27 07:32:00
last = [[1, 2], [3]]
'''

LINES = {
    ("title",): 2,
    ("livekit",): 4,
    ("livekit", "url"): 5,
    ("livekit", "quoted.key"): 6,
    ("livekit", "a", "b", "c"): 7,
    ("livekit", "ice"): 9,
    ("livekit", "ice", "servers"): 10,
    ("livekit", "ice", "servers", 0): 12,
    ("livekit", "ice", "servers", 0, "username"): 12,
    ("livekit", "ice", "servers", 1, "urls"): 13,
    ("livekit", "ice", "servers", 1, "urls", 1): 14,
    ("track", 0): 17,
    ("track", 0, "name"): 18,
    ("track", 0, "file"): 22,
    ("track", 0, "file", "path"): 23,
    ("track", 1): 25,
    ("track", 1, "capture", "size", "h"): 26,
    ("track", 1, "when"): 27,
    ("track", 1, "last", 1, 0): 28,
}


@pytest.mark.parametrize("path", LINES, ids=str)
def test_finds_the_line_of_every_key(path: KeyPath) -> None:
    assert locate(TEXT)[path] == LINES[path]


def test_finds_exactly_the_keys_that_tomllib_finds() -> None:
    assert set(locate(TEXT)) == set(paths_of(tomllib.loads(TEXT)))


def test_an_empty_text_has_no_keys() -> None:
    assert locate("") == {}
    assert locate("# only a remark") == {}


def paths_of(value: Any, at: KeyPath = ()) -> list[KeyPath]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for key, entry in entries for path in paths_of(entry, (*at, key))]
    return [at, *below] if at else below
