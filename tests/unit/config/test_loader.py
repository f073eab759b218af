"""What a configuration means, and what is said about a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkedge.config.loader import load
from lkedge.config.models import ApiKey, AudioPublish, Config, TokenEndpoint, TokenFile, VideoPublish
from lkedge.errors import ConfigError
from lkedge.plugin.api import ProcessorRegistration
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.registry import Registry
from lkedge.terms import Codec, IceServer, Isolation, TrackKind, TrackSource

Loading = Callable[..., Config]
Complaints = Callable[..., list[str]]

LIVEKIT = '[livekit]\nurl = "ws://127.0.0.1:7880"\ntoken_file = "token.jwt"\n'

FROM_THE_README = """
[livekit]
url = "ws://127.0.0.1:7880"
token_file = "token.jwt"            # or api_key_file and api_secret_file with room and identity, or token_endpoint

[[track]]
name = "front"
source = "testsrc"
publish_as = "camera"               # camera, microphone, screen_share, screen_share_audio
capture = { width = 1280, height = 720, framerate = 30 }
publish = { video_codec = "vp8" }   # simulcast and dynacast are on by default

[[track]]
name = "clip"
source = "file"
file = { path = "clip.mp4", loop = true }

[[track]]
name = "mic"
source = "tone"
"""

FRONT = '[[track]]\nname = "front"\nsource = "testsrc"\n'
MIC = '[[track]]\nname = "mic"\nsource = "tone"\n'


def video(loaded: Loading, text: str) -> VideoPublish:
    publish = loaded(text).tracks[0].publish
    assert isinstance(publish, VideoPublish)
    return publish


def audio(loaded: Loading, text: str) -> AudioPublish:
    publish = loaded(text).tracks[0].publish
    assert isinstance(publish, AudioPublish)
    return publish


class TestDefaults:
    def test_the_smallest_useful_file_works_as_it_stands(self, loaded: Loading, folder: Path) -> None:
        config = loaded(FROM_THE_README, bare=True)

        front, clip, mic = config.tracks
        assert config.livekit.url == "ws://127.0.0.1:7880"
        assert config.livekit.credentials == TokenFile(folder / "token.jwt")
        assert (front.publish_as, clip.publish_as, mic.publish_as) == (
            TrackSource.CAMERA,
            TrackSource.CAMERA,
            TrackSource.MICROPHONE,
        )
        assert clip.source_options == clip.source_options | {"path": str(folder / "clip.mp4"), "loop": True}
        assert front.isolation is Isolation.PROCESS
        assert front.enabled
        assert not front.muted

    def test_simulcast_and_dynacast_are_on(self, loaded: Loading) -> None:
        publish = video(loaded, FRONT)

        assert (publish.simulcast, publish.dynacast, publish.video_codec) == (True, True, Codec.VP8)
        assert [layer.height for layer in publish.layers(1280, 720, 30)] == [180, 360, 720]

    def test_sound_is_music_in_mono_with_dtx_and_fec(self, loaded: Loading) -> None:
        assert audio(loaded, MIC) == AudioPublish(audio_bitrate=48_000, dtx=True, red=False, fec=True)  # type: ignore[arg-type]

    def test_stereo_turns_dtx_off_and_takes_two_channels(self, loaded: Loading) -> None:
        track = loaded(MIC + "publish = { stereo = true }").tracks[0]

        assert track.capture.channels == 2
        assert track.publish == AudioPublish(audio_bitrate=64_000, dtx=False, stereo=True)  # type: ignore[arg-type]

    def test_a_sound_file_is_a_microphone(self, loaded: Loading) -> None:
        text = '[[track]]\nname = "a"\nsource = "file"\nfile.path = "x.WAV"\n'
        assert loaded(text).tracks[0].kind is TrackKind.AUDIO


class TestMerging:
    def test_the_track_wins_over_the_defaults(self, loaded: Loading) -> None:
        defaults = (
            '[capture_defaults]\nwidth = 640\nheight = 360\nframerate = 15\n[publish_defaults]\nvideo_codec = "h264"\n'
        )
        track = loaded(defaults + FRONT + "capture = { framerate = 30 }\n").tracks[0]

        assert (track.capture.width, track.capture.height, track.capture.framerate) == (640, 360, 30)
        assert isinstance(track.publish, VideoPublish)
        assert track.publish.video_codec is Codec.H264

    def test_a_false_of_the_track_wins_over_a_true(self, loaded: Loading) -> None:
        assert not video(
            loaded, "[publish_defaults]\nsimulcast = true\n" + FRONT + "publish.simulcast = false"
        ).simulcast

    def test_layers_limits_and_rates(self, loaded: Loading) -> None:
        publish = video(
            loaded,
            FRONT + "capture = { width = 1280, height = 720 }\n[track.publish]\n"
            "video_encoding = { max_bitrate = 900000, max_framerate = 24 }\n"
            'video_simulcast_layers = ["h360", { width = 160, height = 90, max_bitrate = 50000 }]\n',
        )

        layers = publish.layers(1280, 720, 30)
        assert [(layer.height, layer.encoding.max_bitrate) for layer in layers] == [
            (90, 50_000),
            (360, 450_000),
            (720, 900_000),
        ]
        assert layers[-1].encoding.max_framerate == 24

    def test_without_simulcast_there_is_one_layer_without_rid(self, loaded: Loading) -> None:
        (layer,) = video(loaded, FRONT + "publish.simulcast = false").layers(1280, 720, 30)
        assert layer.rid == ""

    def test_a_screen_share_has_its_own_encoding(self, loaded: Loading) -> None:
        publish = video(
            loaded,
            FRONT + 'publish_as = "screen_share"\n[track.publish]\n'
            "video_encoding.max_bitrate = 100000\nscreen_share_encoding.max_bitrate = 200000\n",
        )
        assert (publish.max_bitrate, publish.is_screen_share) == (200_000, True)

    def test_audio_bitrate_by_preset(self, loaded: Loading) -> None:
        assert audio(loaded, MIC + 'publish.audio_bitrate = "speech"').audio_bitrate == 24_000

    def test_a_default_encoder_of_another_codec_is_left_out(self, loaded: Loading) -> None:
        config = loaded('[publish_defaults]\nencoder = "vp8"\n' + FRONT + MIC)
        assert [track.publish.encoder for track in config.tracks] == ["vp8", ""]

    def test_a_drop_in_file_changes_a_track(self, folder: Path, loaded: Loading) -> None:
        (folder / "lkedge.toml.d").mkdir()
        (folder / "lkedge.toml.d/off.toml").write_text('[[track]]\nname = "front"\nenabled = false\n')

        (track,) = loaded(FRONT).tracks
        assert (track.source, track.enabled) == ("testsrc", False)

    def test_a_path_is_relative_to_the_file_that_says_it(self, folder: Path, loaded: Loading) -> None:
        (folder / "lkedge.toml.d").mkdir()
        (folder / "lkedge.toml.d/clip.toml").write_text('[[track]]\nname = "clip"\nfile.path = "b.mp4"\n')

        (track,) = loaded('[[track]]\nname = "clip"\nsource = "file"\nfile.path = "a.mp4"\n').tracks
        assert track.source_options["path"] == str(folder / "lkedge.toml.d/b.mp4")


class TestLiveKit:
    def test_an_api_key_from_files(self, folder: Path, loaded: Loading) -> None:
        (folder / "key").write_text("APIkey\n")
        (folder / "secret").write_text("topsecret\n")
        config = loaded(
            '[livekit]\nurl = "wss://h"\napi_key_file = "key"\napi_secret_file = "secret"\n'
            'room = "r"\nidentity = "i"\ncan_subscribe = true\nname = "N"\nattributes = { a = "b" }\n',
            bare=True,
        )

        assert config.livekit.credentials == ApiKey("APIkey", "topsecret", "r", "i", True)
        assert (config.livekit.name, config.livekit.attributes) == ("N", {"a": "b"})
        assert "topsecret" not in repr(config)

    def test_everything_from_the_environment(self, loaded: Loading) -> None:
        environ = {"LIVEKIT_URL": "https://h", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
        config = loaded('[livekit]\nroom = "r"\nidentity = "i"\n', bare=True, environ=environ)

        assert config.livekit.url == "wss://h"
        assert config.livekit.credentials == ApiKey("k", "s", "r", "i")

    def test_the_file_wins_over_the_environment(self, loaded: Loading) -> None:
        config = loaded("", environ={"LIVEKIT_URL": "wss://other", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"})
        assert config.livekit.url == "ws://127.0.0.1:7880"
        assert isinstance(config.livekit.credentials, TokenFile)

    def test_a_token_endpoint_needs_no_url(self, loaded: Loading) -> None:
        config = loaded('[livekit]\ntoken_endpoint = "https://h/token"\nroom = "r"\n', bare=True)
        assert (config.livekit.url, config.livekit.credentials) == ("", TokenEndpoint("https://h/token", "r"))

    def test_ice(self, loaded: Loading) -> None:
        ice = loaded(
            "[livekit.ice]\nipv6 = false\nloopback = true\n"
            'servers = [{ urls = "turn:h", username = "u", credential = "c" }]\n'
        ).livekit.ice
        assert (ice.ipv6, ice.loopback, ice.servers) == (False, True, (IceServer(("turn:h",), "u", "c"),))

    def test_ice_defaults(self, loaded: Loading) -> None:
        ice = loaded('[livekit.ice]\nservers = "from-server"\nloopback = "auto"\n').livekit.ice
        assert (ice.ipv6, ice.loopback, ice.servers) == (True, None, None)


WRONG = [
    ("[trak]\n", 'lkedge.toml:4: trak: there is no such setting; did you mean "track"?'),
    (
        FRONT + "publsh = {}\n",
        'lkedge.toml:7: track "front", publsh: there is no such setting; did you mean "publish"?',
    ),
    (FRONT + "width = 3\n", 'lkedge.toml:7: track "front", width: there is no such setting; it belongs into "capture"'),
    (
        FRONT + 'publish = { video_codec = "vp9" }\n',
        'lkedge.toml:7: track "front", publish.video_codec = "vp9": must be "vp8" or "h264"; did you mean "vp8"?',
    ),
    (
        FRONT + 'capture.width = "1280"\n',
        'lkedge.toml:7: track "front", capture.width = "1280": must be a whole number, such as 1280',
    ),
    (FRONT + "capture.width = 1281\n", 'lkedge.toml:7: track "front", capture.width = 1281: must be a multiple of 2'),
    (FRONT + "capture.framerate = 0\n", 'lkedge.toml:7: track "front", capture.framerate = 0: must be more than 0'),
    (FRONT + "muted = 1\n", 'lkedge.toml:7: track "front", muted = 1: must be true or false'),
    (
        FRONT + "capture = 3\n",
        'lkedge.toml:7: track "front", capture = 3: must be a table, such as { width = 1280, height = 720 }',
    ),
    (
        FRONT + 'isolation = "proces"\n',
        'lkedge.toml:7: track "front", isolation = "proces": must be "process" or "thread"; did you mean "process"?',
    ),
    (
        FRONT + "capture.width = 640\n",
        'lkedge.toml:7: track "front", capture: width and height belong together; give both or none',
    ),
    (
        FRONT + "publish.dtx = true\n",
        'lkedge.toml:7: track "front", publish.dtx = true: is for audio, but this track is video',
    ),
    (
        FRONT + 'publish.encoder = "x264"\n',
        'lkedge.toml:7: track "front", publish.encoder = "x264": no such encoder for vp8; use "auto" or "vp8"',
    ),
    (
        FRONT + 'capture = { width = 640, height = 360 }\npublish.video_simulcast_layers = ["h180", "h720"]\n',
        'lkedge.toml:8: track "front", publish.video_simulcast_layers[1]: the layer "h720" (1280x720) is larger '
        "than the capture 640x360; choose smaller layers or a larger capture",
    ),
    (
        FRONT + "publish.video_simulcast_layers = [{ width = 640, height = 360 }]\n",
        'lkedge.toml:7: track "front", publish.video_simulcast_layers[0].max_bitrate is required',
    ),
    (
        MIC + 'publish_as = "camera"\n',
        'lkedge.toml:7: track "mic", publish_as = "camera": the source "tone" delivers audio; '
        'use "microphone" or "screen_share_audio"',
    ),
    (
        '[[track]]\nname = "a"\nsource = "testscr"\n',
        'lkedge.toml:6: track "a", source = "testscr": there is no such source; known are "testsrc", "tone" and '
        '"file"; did you mean "testsrc"? (see `lkedge plugins`)',
    ),
    (
        FRONT + "[track.tone]\n",
        'lkedge.toml:7: track "front", tone: these are settings of the source "tone", '
        'but the source of this track is "testsrc"',
    ),
    (
        '[[track]]\nname = "a"\nsource = "file"\n',
        'lkedge.toml:4: track "a", file.path is required: media file, anything that FFmpeg opens',
    ),
    (
        '[[track]]\nname = "a"\nsource = "file"\nfile = { path = "x", lop = true }\n',
        'lkedge.toml:7: track "a", file.lop = true: there is no such setting; did you mean "loop"?',
    ),
    (
        '[[track]]\nname = "a"\nsource = "file"\nfile = { path = "x", loop = "yes" }\n',
        'lkedge.toml:7: track "a", file.loop = "yes": must be true or false',
    ),
    ('[[track]]\nsource = "tone"\n', "lkedge.toml:4: track 1, name is required"),
    ('[track]\nname = "a"\n', "lkedge.toml:4: track: write [[track]], with two brackets, for every track"),
    (
        '[log]\nlevel = "verbose"\n',
        'lkedge.toml:5: log.level = "verbose": must be "debug", "info", "warning" or "error"',
    ),
    (
        '[livekit.ice]\nservers = [{ urls = "example.com" }]\n',
        'lkedge.toml:5: livekit.ice.servers[0].urls = "example.com": must begin with stun:, turn: or turns:, '
        'as in "stun:stun.example.com:3478"',
    ),
    (
        '[livekit.ice]\nservers = [{ urls = "turn:h" }]\n',
        'lkedge.toml:5: livekit.ice.servers[0].urls = "turn:h": a TURN server needs username and credential',
    ),
]


class TestProblems:
    @pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[sentence[13:60] for _, sentence in WRONG])
    def test_one_clear_sentence(self, problems: Complaints, text: str, sentence: str) -> None:
        assert problems(text) == [sentence]

    def test_two_tracks_of_one_name(self, problems: Complaints) -> None:
        (problem,) = problems(FRONT + MIC.replace("mic", "front"))
        assert problem == (
            'lkedge.toml:8: track "front", name = "front": another track has this name already (lkedge.toml:5); '
            "every name must be unique"
        )

    def test_ten_errors_are_named_at_once_in_the_order_of_the_file(self, problems: Complaints) -> None:
        found = problems(
            '[livekit]\nurl = "ftp://h"\ntoken_file = "none"\nrom = "r"\n'
            '[capture_defaults]\nwidht = 3\n[publish_defaults]\naudio_bitrate = "musik"\n'
            '[[track]]\nname = "a"\nsource = "testscr"\ntestscr = { x = 1 }\n'
            '[[track]]\nname = "a"\nsource = "file"\nfile = { loop = 3 }\n'
            'publish = { video_codec = "av1", simulcast = "on" }\n',
            bare=True,
        )

        assert [int(problem.split(":")[1]) for problem in found] == [2, 3, 4, 6, 8, 11, 14, 16, 16, 17, 17]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "livekit.url is required, or LIVEKIT_URL"),
            ('[livekit]\nurl = "ws://h"\n', "say how to get a token"),
            ('[livekit]\nurl = "ws://h"\ntoken_file = "none.jwt"\n', 'token_file = "none.jwt": there is no file'),
            ('[livekit]\nurl = "ws://h"\ntoken_file = "empty"\n', "is empty"),
            ('[livekit]\nurl = "ws://h"\ntoken_file = "."\n', "cannot be read: Is a directory"),
            ('[livekit]\nurl = "h"\ntoken_file = "token.jwt"\n', "must begin with ws:// or wss://"),
            ('[livekit]\nurl = "ws://"\ntoken_file = "token.jwt"\n', "names no host"),
            ('[livekit]\nurl = "ws://h:x"\ntoken_file = "token.jwt"\n', "is no address"),
            (
                '[livekit]\nurl = "ws://h"\ntoken_file = "token.jwt"\ntoken_endpoint = "http://x"\n',
                "exclude each other",
            ),
            ('[livekit]\nurl = "ws://h"\napi_key_file = "token.jwt"\n', "api_secret_file is required"),
            ('[livekit]\ntoken_endpoint = "h/token"\n', "must begin with http:// or https://"),
        ],
    )
    def test_livekit(self, problems: Complaints, folder: Path, text: str, words: str) -> None:
        (folder / "empty").write_text(" \n")
        assert any(words in problem for problem in problems(text, bare=True))

    def test_an_api_key_needs_room_and_identity(self, problems: Complaints) -> None:
        found = problems(
            '[livekit]\nurl = "ws://h"\n', bare=True, environ={"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
        )
        assert [problem.split(": ")[1].split()[0] for problem in found] == ["livekit.room", "livekit.identity"]

    def test_a_syntax_error_does_not_hide_the_other_file(self, folder: Path, problems: Complaints) -> None:
        (folder / "lkedge.toml.d").mkdir()
        (folder / "lkedge.toml.d/x.toml").write_text("a = \n")

        found = problems("[trak]\n")
        assert found[0].startswith("lkedge.toml.d/x.toml:1: is not valid TOML")
        assert found[1].startswith("lkedge.toml:4: trak")

    def test_a_missing_file(self, folder: Path, registry: Registry) -> None:
        with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
            load(folder / "none.toml", registry, environ={})

    def test_no_configuration_at_all(self, folder: Path, registry: Registry) -> None:
        with pytest.raises(ConfigError, match="lkedge config --example"):
            load(None, registry, environ={}, root=folder)

    def test_a_wrong_turn_password_is_not_shown(self, problems: Complaints) -> None:
        found = problems('[livekit.ice]\nservers = [{ urls = "turn:h", username = 3, credential = "hunter2" }]\n')
        assert "hunter2" not in "\n".join(found)


class TestProcessing:
    """The capture settings of an audio processor."""

    def test_what_is_not_said_is_left_to_the_source(self, loaded: Loading) -> None:
        capture = loaded(MIC + "capture = { noise_suppression = false }\n").tracks[0].capture
        assert (capture.noise_suppression, capture.auto_gain_control) == (False, None)

    def test_it_needs_a_plugin_that_does_it(self, problems: Complaints) -> None:
        text = "[capture_defaults]\nauto_gain_control = true\n" + FRONT + MIC + "capture.high_pass_filter = true\n"
        assert problems(text) == [
            "lkedge.toml:5: capture_defaults.auto_gain_control = true: no installed plugin processes sound; "
            "`pip install lkedge-apm` or set it to false",
            'lkedge.toml:12: track "mic", capture.high_pass_filter = true: no installed plugin processes sound; '
            "`pip install lkedge-apm` or set it to false",
        ]

    def test_it_is_taken_where_there_is_one(self, folder: Path) -> None:
        registry = PluginManager(load_entry_points=False).registry
        registry.add_processor(ProcessorRegistration("apm", "", lambda settings: None))  # type: ignore[arg-type,return-value]
        (folder / "lkedge.toml").write_text(LIVEKIT + MIC + "capture.echo_cancellation = true\n")
        assert load(folder / "lkedge.toml", registry, environ={}).tracks[0].capture.echo_cancellation is True
