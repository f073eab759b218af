"""The configuration of the demo: an ordinary file in a folder of its own, loaded like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lkedge.config.loader import load
from lkedge.config.models import Config
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec

TRACKS = """
[[track]]
name = "picture"
source = "testsrc"
publish_as = "camera"
capture = {{ width = 1280, height = 720, framerate = 30 }}
publish = {{ video_codec = "{codec}" }}

[[track]]
name = "tone"
source = "tone"
publish_as = "microphone"
"""


def demo_toml(livekit: Mapping[str, str], codec: Codec) -> str:
    """A test picture in three layers and a tone, published to the room of `livekit`."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in livekit.items()]
    return "\n".join(["[livekit]", *lines, TRACKS.format(codec=codec.value)])


def demo_config(folder: Path, livekit: Mapping[str, str], files: Mapping[str, str], codec: Codec) -> Config:
    """Write the file and the secrets it refers to into `folder`, and load it. Raises ConfigError."""
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    path = folder / "lkedge.toml"
    path.write_text(demo_toml(livekit, codec))
    return load(path, PluginManager().registry, environ={})
