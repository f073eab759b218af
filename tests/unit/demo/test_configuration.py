from pathlib import Path

import pytest

from lkedge.config.models import VideoPublish
from lkedge.demo.configuration import demo_config, demo_toml
from lkedge.terms import Codec

LIVEKIT = {
    "url": "ws://127.0.0.1:7880",
    "room": 'a "quoted" room',
    "identity": "lkedge",
    "api_key_file": "api-key",
    "api_secret_file": "api-secret",
}
FILES = {"api-key": "devkey", "api-secret": "s" * 32}


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
def test_the_demo_publishes_a_picture_in_three_layers_and_a_tone(tmp_path: Path, codec: Codec) -> None:
    config = demo_config(tmp_path, LIVEKIT, FILES, codec)

    assert [(track.name, track.source) for track in config.tracks] == [("picture", "testsrc"), ("tone", "tone")]
    assert config.livekit.url == "ws://127.0.0.1:7880"
    publish = config.tracks[0].publish
    assert isinstance(publish, VideoPublish)
    assert publish.video_codec is codec


def test_secrets_are_in_files_of_the_owner_only_and_not_in_the_configuration(tmp_path: Path) -> None:
    demo_config(tmp_path, LIVEKIT, FILES, Codec.VP8)

    assert (tmp_path / "api-secret").stat().st_mode & 0o077 == 0
    assert "s" * 32 not in demo_toml(LIVEKIT, Codec.VP8)
