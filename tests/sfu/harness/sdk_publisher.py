"""The official SDK as a publisher: to prove the harness itself, and for comparison."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from livekit import rtc

from tests.sfu.harness.records import SAMPLE_RATE, Luma

SDK_CODEC = {"vp8": rtc.VideoCodec.VP8, "h264": rtc.VideoCodec.H264}
WHITE, BLACK = 235, 16


class SdkPublisher:
    """Publishes a moving picture with the strip of test-pattern.md and a tone with its beeps."""

    def __init__(self, url: str, token: str, *, codec: str = "vp8", size: tuple[int, int] = (1280, 720)) -> None:
        self._url, self._token, self._codec = url, token, codec
        self._width, self._height = size
        self._tasks: list[asyncio.Task[None]] = []
        self.room = rtc.Room()

    async def __aenter__(self) -> SdkPublisher:
        await asyncio.wait_for(self.room.connect(self._url, self._token), 10.0)
        video = rtc.VideoSource(self._width, self._height)
        audio = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=100)
        await self._publish(rtc.LocalVideoTrack.create_video_track("picture", video), camera=True)
        await self._publish(rtc.LocalAudioTrack.create_audio_track("tone", audio), camera=False)
        self._tasks = [asyncio.create_task(self._draw(video)), asyncio.create_task(self._sound(audio))]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.wait_for(self.room.disconnect(), 10.0)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _publish(self, track: rtc.LocalTrack, *, camera: bool) -> None:
        source = rtc.TrackSource.SOURCE_CAMERA if camera else rtc.TrackSource.SOURCE_MICROPHONE
        options = rtc.TrackPublishOptions(source=source, video_codec=SDK_CODEC[self._codec], simulcast=True)
        await self.room.local_participant.publish_track(track, options)

    async def _draw(self, source: rtc.VideoSource) -> None:
        loop = asyncio.get_running_loop()
        start, size = loop.time(), self._width * self._height
        picture = np.full(size * 3 // 2, 128, np.uint8)
        luma = picture[:size].reshape(self._height, self._width)
        gradient = np.linspace(40, 200, self._width).astype(np.uint8)
        counter = 0
        while True:
            luma[:] = np.roll(gradient, counter * 8)
            draw_strip(luma, counter, time.time_ns() // 1_000_000)
            buffer = rtc.VideoBufferType.I420
            source.capture_frame(rtc.VideoFrame(self._width, self._height, buffer, picture.tobytes()))
            counter += 1
            await asyncio.sleep(max(0.0, start + counter / 30 - loop.time()))

    async def _sound(self, source: rtc.AudioSource) -> None:
        block = SAMPLE_RATE // 100
        position = int(time.time() * SAMPLE_RATE)
        while True:
            samples = (tone(position, block) * 32767).astype(np.int16)
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, block))
            position += block


def tone(position: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """440 Hz at -12 dBFS; 880 Hz at -6 dBFS in the first 100 ms of every second."""
    index = np.arange(position, position + count, dtype=np.float64)
    in_beep = (index % SAMPLE_RATE) < SAMPLE_RATE // 10
    seconds = index / SAMPLE_RATE
    return np.where(in_beep, 0.5 * np.sin(2 * np.pi * 880 * seconds), 0.25 * np.sin(2 * np.pi * 440 * seconds))


def draw_strip(luma: Luma, counter: int, unix_ms: int) -> None:
    """Both rows of the strip (test-pattern.md), for a picture of any size."""
    height, width = luma.shape
    for row, number in enumerate((counter, unix_ms)):
        top, bottom = round(row * height / 22.5), round((row + 1) * height / 22.5)
        for column, bit in enumerate(strip_bits(number % 2**32)):
            left, right = round(column * width / 40), round((column + 1) * width / 40)
            luma[top:bottom, left:right] = WHITE if bit else BLACK


def strip_bits(number: int) -> list[int]:
    check = 0
    for shift in range(0, 32, 4):
        check ^= number >> shift & 15
    word = 0b1010 << 36 | number << 4 | check
    return [word >> shift & 1 for shift in range(39, -1, -1)]
