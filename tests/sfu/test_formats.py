"""Files, RED, stereo and live limits against a real livekit-server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lkedge.publish.layer_controller import LayerLimit
from lkedge.terms import BitsPerSecond, Rid
from tests.sfu.harness.daemon import CAMERA, MICROPHONE, config_text, running_daemon, write_config
from tests.sfu.harness.sfu import RoomService, Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

pytestmark = pytest.mark.sfu


@pytest.fixture
def watch(sfu: Sfu, room_name: str) -> Callable[[], Subscriber]:
    return lambda: Subscriber(sfu.url, sfu.token("viewer", room_name), strip_reader=default_strip_reader())


@pytest.fixture
def configure(sfu: Sfu, room_name: str, tmp_path: Path) -> Callable[[str], Path]:
    return lambda tracks: write_config(tmp_path, sfu, config_text(sfu, room_name, tracks))


def write_clip(path: Path, codec: str) -> None:
    """Three seconds of 640x360 at 25 fps with a tone, no B-frames."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        video.codec_context.max_b_frames = 0
        video.codec_context.gop_size = 25
        audio = container.add_stream("libopus", rate=48_000)
        for index in range(75):
            picture = np.full((540, 640), 16 + index * 2, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        for index in range(150):
            container.mux(audio.encode(_sine(index)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _sine(index: int) -> av.AudioFrame:
    times = (np.arange(960) + index * 960) / 48_000
    samples = (np.sin(2 * np.pi * 440 * times) * 8000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, index * 960, Fraction(1, 48_000)
    return frame


@pytest.mark.parametrize(("codec", "suffix", "wanted"), [("libx264", "mkv", "h264"), ("libvpx", "webm", "vp8")])
async def test_a_file_is_passed_through(
    configure: Callable[[str], Path],
    watch: Callable[[], Subscriber],
    tmp_path: Path,
    codec: str,
    suffix: str,
    wanted: str,
) -> None:
    write_clip(tmp_path / f"clip.{suffix}", codec)
    track = f"""
[[track]]
name = "clip"
source = "file"
publish_as = "camera"
file = {{ path = "clip.{suffix}", loop = true }}
publish = {{ video_codec = "{wanted}" }}
"""
    async with running_daemon(configure(track)) as daemon, watch() as viewer:
        await daemon.wait_published("clip")
        assert daemon.track("clip").codec == wanted
        assert [layer.rid for layer in daemon.track("clip").layers] == [""]
        await viewer.wait_for_frames("clip", 100)
        assert viewer.video["clip"].size == (640, 360)


async def test_a_file_is_decoded_into_layers_when_asked(
    configure: Callable[[str], Path], watch: Callable[[], Subscriber], tmp_path: Path
) -> None:
    write_clip(tmp_path / "clip.mkv", "libx264")
    track = '[[track]]\nname = "clip"\nsource = "file"\npublish_as = "camera"\nfile = { path = "clip.mkv" }\n'
    async with running_daemon(configure(track)) as daemon, watch() as viewer:
        await daemon.wait_published("clip")
        assert [layer.rid for layer in daemon.track("clip").layers] == ["q", "h"]
        await viewer.wait_for_frames("clip", 30)


async def test_the_sound_of_a_file(
    configure: Callable[[str], Path], watch: Callable[[], Subscriber], tmp_path: Path
) -> None:
    write_clip(tmp_path / "clip.mkv", "libx264")
    track = '[[track]]\nname = "sound"\nsource = "file"\npublish_as = "microphone"\nfile = { path = "clip.mkv" }\n'
    async with running_daemon(configure(track)) as daemon, watch() as viewer:
        await daemon.wait_published("sound")
        await viewer.wait_for(lambda: "sound" in viewer.audio and not viewer.audio["sound"].is_silent)


@pytest.mark.parametrize("publish", ["red = true", "stereo = true, audio_bitrate = 96000", "dtx = false, fec = false"])
async def test_kinds_of_sound_are_heard(
    configure: Callable[[str], Path], watch: Callable[[], Subscriber], publish: str
) -> None:
    track = MICROPHONE + f"publish = {{ {publish} }}\n"
    async with running_daemon(configure(track)) as daemon, watch() as viewer:
        await daemon.wait_published("mic")
        await viewer.wait_for(lambda: "mic" in viewer.audio and len(viewer.audio["mic"].beeps_ms) >= 2)
        assert not viewer.audio["mic"].is_silent


async def test_two_tracks_of_sound_with_and_without_red(
    configure: Callable[[str], Path], watch: Callable[[], Subscriber]
) -> None:
    tracks = MICROPHONE + MICROPHONE.replace("mic", "redundant") + "publish = { red = true }\n"
    async with running_daemon(configure(tracks)) as daemon, watch() as viewer:
        await daemon.wait_published("mic", "redundant")
        for name in ("mic", "redundant"):
            await viewer.wait_for(lambda n=name: n in viewer.audio and not viewer.audio[n].is_silent)


async def test_a_bitrate_is_changed_live_without_a_key_frame(
    configure: Callable[[str], Path], watch: Callable[[], Subscriber]
) -> None:
    async with running_daemon(configure(CAMERA)) as daemon, watch() as viewer:
        await viewer.wait_for_size("front", (1280, 720))
        publication = daemon.daemon.publisher.publications[0]
        assert publication.attachment is not None
        stream = publication.attachment.streams[Rid("f")]
        await asyncio.sleep(1.5)
        keys = stream.counters.key_frames
        daemon.daemon.publisher.set_limit("front", LayerLimit(max_bitrate=BitsPerSecond(200_000)), Rid("f"))
        await daemon.wait_for(lambda: 0 < daemon.layer("front", "f").measured_bitrate < 300_000)
        assert stream.counters.key_frames == keys
        assert daemon.layer("front", "f").bitrate == 200_000


async def test_the_server_is_told_who_we_are(
    sfu: Sfu, room_name: str, tmp_path: Path, room_service: RoomService
) -> None:
    text = f"""
[livekit]
url = "{sfu.url}"
token_file = "token"
name = "The yard"
metadata = "north"
attributes = {{ site = "yard" }}
{CAMERA}
"""
    token = sfu.token("camera-box", room_name, can_subscribe=False, can_update_own_metadata=True)
    (tmp_path / "token").write_text(token)
    async with running_daemon(write_config(tmp_path, sfu, text)) as daemon:
        await daemon.wait_published("front")
        one = await room_service.wait_for_participant("camera-box", lambda found: bool(found and found.name))
        assert one is not None
        assert (one.name, one.metadata, dict(one.attributes)) == ("The yard", "north", {"site": "yard"})
