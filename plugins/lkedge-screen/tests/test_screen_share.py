"""From a real X server through a real worker process: what others see of a screen."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import av
import pytest
from xvfb import Painter, Xvfb

from lkedge.builtin.picture import from_av
from lkedge.builtin.vp8 import Vp8Encoder
from lkedge.config.loader import load
from lkedge.config.models import VideoPublish
from lkedge.media.layers import LayerPlan, LayerState
from lkedge.plugin.api import VideoEncoderSettings, VideoFormat
from lkedge.plugin.manager import PluginManager
from lkedge.publish.video_track import VideoTrack
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.worker_recorder import recorded_worker
from lkedge.worker.events import SnapshotTaken, SourceOpened

PLUGINS = ("lkedge_screen.plugin",)


def track_of(folder: Path, display: str) -> VideoTrack:
    (folder / "token").write_text("x")
    path = folder / "lkedge.toml"
    path.write_text(
        '[livekit]\nurl = "ws://localhost"\ntoken_file = "token"\n[[track]]\nname = "kiosk"\nsource = "screen"\n'
        f'publish_as = "screen_share"\ncapture.framerate = 30\nscreen = {{ display = "{display}" }}\n'
    )
    config = load(path, PluginManager(load_entry_points=False, targets=PLUGINS).registry).tracks[0]
    assert isinstance(config.publish, VideoPublish)
    return VideoTrack(config, config.publish)


def plan_of(track: VideoTrack) -> LayerPlan:
    """Every layer, at what it may have at most."""
    states = (
        LayerState(one.rid, True, one.width, one.height, one.encoding.max_bitrate, one.encoding.max_framerate)
        for one in track.layers
    )
    return LayerPlan(tuple(states), True)


async def test_screen_is_published_with_the_encoding_of_screens(tmp_path: Path, server: Xvfb, painter: Painter) -> None:
    track = track_of(tmp_path, server.display)
    painter.fill(0xFF0000, 0, 0, 641, 363)
    async with recorded_worker(track.worker_spec(), PLUGINS) as (host, viewer):
        await viewer.until(lambda: viewer.of(SourceOpened))
        track.set_format(viewer.of(SourceOpened)[0].video)
        host.apply(plan_of(track))
        await viewer.until(lambda: {frame.rid for frame in viewer.frames} == {"q", "h"})
        host.take_snapshot(0)
        await viewer.until(lambda: viewer.of(SnapshotTaken))
    assert {(frame.rid, frame.width, frame.height) for frame in viewer.frames} == {("q", 320, 180), ("h", 640, 362)}
    assert track.worker_spec().is_screen_share
    with av.open(io.BytesIO(viewer.of(SnapshotTaken)[0].jpeg), format="mjpeg") as container:
        (picture,) = container.decode(video=0)
    red, green, blue = picture.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize(
    ("size", "bitrate"), [((1920, 1080), 2_500_000), ((1280, 720), 2_000_000), ((2560, 1440), 7_000_000)]
)
def test_ladder_is_that_of_screens(tmp_path: Path, size: tuple[int, int], bitrate: int) -> None:
    track = track_of(tmp_path, ":0")
    track.set_format(VideoFormat(*size, 30.0))
    low, top = track.layers
    assert (low.rid, low.width, low.height, low.encoding.max_bitrate) == ("q", size[0] // 2, size[1] // 2, bitrate // 4)
    assert (top.rid, top.width, top.height, top.encoding.max_bitrate) == ("h", *size, bitrate)


def test_resolution_is_kept_and_the_frame_rate_gives_way() -> None:
    bitrate = BitsPerSecond(100_000)
    settings = VideoEncoderSettings(Codec.VP8, Rid("h"), 640, 360, 30.0, bitrate, bitrate, is_screen_share=True)
    encoder = Vp8Encoder(settings)
    results = [encoder.encode(_noise(640, 360, 1 + index * 33_333_333), key_frame=False) for index in range(60)]
    encoder.close()
    sent = [frame for frame in results if frame is not None]
    assert 0 < len(sent) < 45
    assert {(frame.width, frame.height) for frame in sent} == {(640, 360)}


def _noise(width: int, height: int, captured_ns: int) -> Any:
    picture = av.VideoFrame(width, height, "yuv420p")
    for plane in picture.planes:
        plane.update(os.urandom(plane.buffer_size))
    return from_av(picture, captured_ns)
