"""The official SDK as a publisher in a process of its own.

    LKEDGE_BENCH_TOKEN=... python -m bench.publishing.sdk_publisher URL --codec vp8 [--clip FILE.y4m] [--no-sound]

Captures at 30 frames per second until SIGTERM: the clip without copying a byte, or without one
the pictures of lkedge's own `testsrc`, whose strip tells when each was captured. The sound is a
tone of 440 Hz, 20 ms at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import math
import os
import signal
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

from livekit import rtc

TOKEN_VARIABLE = "LKEDGE_BENCH_TOKEN"
WIDTH, HEIGHT, FRAMERATE = 1280, 720, 30
PICTURE_BYTES = WIDTH * HEIGHT * 3 // 2
TOP_BITRATE = 1_700_000
SAMPLE_RATE = 48_000
BLOCK = SAMPLE_RATE // 50
PERIOD = 1200
"""Samples after which 440 Hz repeats."""

CODEC = {"vp8": rtc.VideoCodec.VP8, "h264": rtc.VideoCodec.H264}


def clip_pictures(path: Path) -> Iterator[rtc.VideoFrame]:
    """The frames of the clip, for ever, each at its time."""
    from bench.publishing.clip import Clip

    frames = [_video_frame(picture) for picture in Clip.open(path).pictures]
    begin, count = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, begin + count / FRAMERATE - time.monotonic()))
        yield frames[count % len(frames)]
        count += 1


def test_pictures() -> Iterator[rtc.VideoFrame]:
    """The pictures of `testsrc`, for ever, each at its time."""
    from lkedge.builtin.options import TestSourceOptions
    from lkedge.builtin.testsrc import TestSource
    from lkedge.plugin.api import VideoCaptureSettings

    source = TestSource(VideoCaptureSettings(WIDTH, HEIGHT, FRAMERATE), TestSourceOptions())
    source.open()
    while True:
        picture = source.read()
        memory = (ctypes.c_ubyte * PICTURE_BYTES).from_address(picture.planes[0].pointer)
        yield _video_frame(memoryview(memory))


def _video_frame(picture: memoryview) -> rtc.VideoFrame:
    return rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, picture)


def _capture(pictures: Iterator[rtc.VideoFrame], source: rtc.VideoSource) -> None:
    for picture in pictures:
        source.capture_frame(picture)


async def _sound(source: rtc.AudioSource) -> None:
    """The queue of the SDK paces this."""
    frames = [rtc.AudioFrame(block, SAMPLE_RATE, 1, BLOCK) for block in _tone_blocks()]
    while True:
        for frame in frames:
            await source.capture_frame(frame)


def _tone_blocks() -> list[bytes]:
    samples = [round(8192 * math.sin(2 * math.pi * 440 * index / SAMPLE_RATE)) for index in range(PERIOD * 4)]
    return [array("h", samples[start : start + BLOCK]).tobytes() for start in range(0, len(samples), BLOCK)]


async def _publish_picture(room: rtc.Room, codec: str, clip: Path | None) -> None:
    source = rtc.VideoSource(WIDTH, HEIGHT)
    pictures = clip_pictures(clip) if clip else test_pictures()
    threading.Thread(target=_capture, args=(pictures, source), name="capture", daemon=True).start()
    track = rtc.LocalVideoTrack.create_video_track("picture", source)
    await room.local_participant.publish_track(track, _video_options(codec))


async def _publish_sound(room: rtc.Room) -> None:
    source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=100)
    track = rtc.LocalAudioTrack.create_audio_track("tone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await asyncio.gather(room.local_participant.publish_track(track, options), _sound(source))


async def _run(url: str, codec: str, clip: Path | None, *, has_sound: bool) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    room = rtc.Room()
    options = rtc.RoomOptions(auto_subscribe=False, dynacast=True)
    await room.connect(url, os.environ[TOKEN_VARIABLE], options)
    tasks = [asyncio.create_task(_publish_picture(room, codec, clip))]
    if has_sound:
        tasks.append(asyncio.create_task(_publish_sound(room)))
    await stopped.wait()
    for task in tasks:
        task.cancel()
    await room.disconnect()


def _video_options(codec: str) -> rtc.TrackPublishOptions:
    return rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        video_codec=CODEC[codec],
        simulcast=True,
        video_encoding=rtc.VideoEncoding(max_framerate=FRAMERATE, max_bitrate=TOP_BITRATE),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--codec", choices=tuple(CODEC), default="vp8")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--no-sound", dest="sound", action="store_false")
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.url, arguments.codec, arguments.clip, has_sound=arguments.sound))
    os._exit(0)


if __name__ == "__main__":
    main()
