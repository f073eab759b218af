"""The official Python SDK as a subscriber that writes down what it decodes.

In a test: `async with Subscriber(url, token) as subscriber: await subscriber.wait_for(...)`.
As a process of its own, so that its decoding does not disturb what is measured:

    LKEDGE_SUBSCRIBER_TOKEN=... python -m tests.sfu.harness.subscriber URL [--seconds N] [--frames]

prints one JSON object per line and takes `quality NAME LOW`, `subscribe NAME on|off` and `quit`
on standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from livekit import rtc
from livekit.rtc._proto.track_publication_pb2 import VideoQuality as SdkVideoQuality

from lkedge.terms import VideoQuality
from tests.sfu.harness.records import AudioRecord, FrameSeen, Luma, VideoRecord

StripReader = Callable[[Luma], tuple[int, int] | None]
"""Luma plane to (frame counter, Unix milliseconds modulo 2^32), or None."""

DEADLINE_S = 10.0

SDK_QUALITY = {
    VideoQuality.LOW: SdkVideoQuality.VIDEO_QUALITY_LOW,
    VideoQuality.MEDIUM: SdkVideoQuality.VIDEO_QUALITY_MEDIUM,
    VideoQuality.HIGH: SdkVideoQuality.VIDEO_QUALITY_HIGH,
}


def default_strip_reader() -> StripReader:
    from lkedge.testing.strip_reader import read_strip

    return read_strip


class Subscriber:
    """One participant that subscribes to everything. Lives in the running loop.

    video, audio: records by track name; they go on over re-subscription and a new track SID.
    events: what happened, in order: ("subscribed", name), ("unsubscribed", name), ("muted", name), ...
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        strip_reader: StripReader | None = None,
        auto_subscribe: bool = True,
        on_frame: Callable[[str, FrameSeen, Luma], None] | None = None,
    ) -> None:
        """strip_reader: None reads no strip. on_frame: also called with (track name, frame, luma plane)."""
        self._url, self._token = url, token
        self._strip_reader = strip_reader
        self._auto_subscribe = auto_subscribe
        self._on_frame = on_frame
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.room = rtc.Room()
        self.video: dict[str, VideoRecord] = {}
        self.audio: dict[str, AudioRecord] = {}
        self.events: list[tuple[str, str]] = []

    async def __aenter__(self) -> Subscriber:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        self.room.on("track_subscribed", self._track_subscribed)
        self.room.on("track_unsubscribed", self._track_unsubscribed)
        self.room.on("track_published", lambda publication, _: self._note("published", publication.name))
        self.room.on("track_unpublished", lambda publication, _: self._note("unpublished", publication.name))
        self.room.on("track_muted", lambda _, publication: self._note("muted", publication.name))
        self.room.on("track_unmuted", lambda _, publication: self._note("unmuted", publication.name))
        self.room.on("participant_disconnected", lambda one: self._note("left", one.identity))
        self.room.on("reconnected", lambda: self._note("reconnected", ""))
        options = rtc.RoomOptions(auto_subscribe=self._auto_subscribe)
        await asyncio.wait_for(self.room.connect(self._url, self._token, options), DEADLINE_S)

    async def close(self) -> None:
        readers, self._readers = list(self._readers.values()), {}
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.wait_for(self.room.disconnect(), DEADLINE_S)

    async def wait_for(self, predicate: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
        """Until `predicate` holds; looked at after every picture, block of sound and event. Raises TimeoutError."""
        try:
            async with asyncio.timeout(deadline_s):
                while not predicate():
                    self._raise_reader_error()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"not within {deadline_s} s; {self.summary()}") from None

    async def wait_for_frames(self, name: str, count: int, deadline_s: float = DEADLINE_S) -> VideoRecord:
        """Until `count` more pictures of that track were decoded."""
        start = self.video[name].count if name in self.video else 0
        await self.wait_for(lambda: name in self.video and self.video[name].count >= start + count, deadline_s)
        return self.video[name]

    async def wait_for_size(self, name: str, size: tuple[int, int], deadline_s: float = DEADLINE_S) -> VideoRecord:
        """Until the newest picture of that track has this width and height."""
        await self.wait_for(lambda: name in self.video and self.video[name].size == size, deadline_s)
        return self.video[name]

    async def wait_for_event(self, kind: str, name: str, deadline_s: float = DEADLINE_S, *, since: int = 0) -> None:
        """since: index into `events` from which on it counts."""
        await self.wait_for(lambda: (kind, name) in self.events[since:], deadline_s)

    def publication(self, name: str) -> rtc.RemoteTrackPublication:
        """The remote publication of that name, of any participant. Raises KeyError."""
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.name == name:
                    return publication
        raise KeyError(f"nobody publishes {name!r}; {self.summary()}")

    def set_quality(self, name: str, quality: VideoQuality) -> None:
        """Ask the server for that layer at most."""
        self.publication(name).set_video_quality(SDK_QUALITY[quality])

    def set_subscribed(self, name: str, subscribed: bool) -> None:
        self.publication(name).set_subscribed(subscribed)

    def summary(self) -> dict[str, Any]:
        """What was received so far, for messages and as JSON."""
        video = {name: {"frames": record.count, "size": record.size} for name, record in self.video.items()}
        audio = {name: {"blocks": one.count, "rms": round(one.rms, 4)} for name, one in self.audio.items()}
        return {"video": video, "audio": audio, "events": self.events[-20:]}

    def _raise_reader_error(self) -> None:
        for reader in self._readers.values():
            if reader.done() and not reader.cancelled() and (error := reader.exception()):
                raise error

    def _note(self, kind: str, name: str) -> None:
        self.events.append((kind, name))
        self._changed.set()

    def _track_subscribed(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: object) -> None:
        is_video = track.kind == rtc.TrackKind.KIND_VIDEO
        read = self._read_video if is_video else self._read_audio
        name = publication.name
        reader = asyncio.create_task(read(name, track, publication), name=f"read {name}")
        reader.add_done_callback(lambda _: self._changed.set())
        self._readers[publication.sid] = reader
        self._note("subscribed", name)

    def _track_unsubscribed(self, _: object, publication: rtc.RemoteTrackPublication, __: object) -> None:
        if reader := self._readers.pop(publication.sid, None):
            reader.cancel()
        self._note("unsubscribed", publication.name)

    async def _read_video(self, name: str, track: rtc.Track, publication: rtc.RemoteTrackPublication) -> None:
        record = self.video.setdefault(name, VideoRecord(name, publication.sid))
        record.sid, record.mime = publication.sid, publication.mime_type
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        try:
            async for event in stream:
                self._saw(record, event.frame)
        finally:
            await stream.aclose()

    def _saw(self, record: VideoRecord, frame: rtc.VideoFrame) -> None:
        at_ns, wall_ms = time.monotonic_ns(), time.time_ns() / 1e6
        size = frame.width * frame.height
        luma: Luma = np.frombuffer(frame.data, np.uint8, size).reshape(frame.height, frame.width)
        counter, captured_ms = (self._strip_reader(luma) if self._strip_reader else None) or (None, None)
        seen = FrameSeen(at_ns, wall_ms, frame.width, frame.height, counter, captured_ms)
        record.add(seen)
        if self._on_frame:
            self._on_frame(record.name, seen, luma)
        self._changed.set()

    async def _read_audio(self, name: str, track: rtc.Track, publication: rtc.RemoteTrackPublication) -> None:
        record = self.audio.setdefault(name, AudioRecord(name, publication.sid))
        record.sid = publication.sid
        stream = rtc.AudioStream(track, sample_rate=48_000, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).astype(np.float64) / 32768
                record.add(samples, time.time_ns() / 1e6)
                self._changed.set()
        finally:
            await stream.aclose()


def _print(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def _print_frame(name: str, seen: FrameSeen, _: Luma) -> None:
    _print(
        {
            "track": name,
            "at_ns": seen.at_ns,
            "wall_ms": seen.wall_ms,
            "size": [seen.width, seen.height],
            "counter": seen.counter,
            "age_ms": seen.age_ms,
        }
    )


def _obey(subscriber: Subscriber, words: list[str]) -> bool:
    """Carry out one line of standard input; False to leave."""
    match words:
        case ["quality", name, quality]:
            subscriber.set_quality(name, VideoQuality[quality])
        case ["subscribe", name, state]:
            subscriber.set_subscribed(name, state == "on")
        case ["quit"] | []:
            return False
    return True


async def _follow(subscriber: Subscriber) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (line := await reader.readline()) and _obey(subscriber, line.decode().split()):
        pass


async def _main(arguments: argparse.Namespace) -> None:
    token = os.environ["LKEDGE_SUBSCRIBER_TOKEN"]
    on_frame = _print_frame if arguments.frames else None
    async with Subscriber(arguments.url, token, strip_reader=default_strip_reader(), on_frame=on_frame) as subscriber:
        _print({"connected_ns": time.monotonic_ns()})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_follow(subscriber), arguments.seconds)
        _print({"summary": subscriber.summary()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Subscribe to a room and print what arrives.")
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--frames", action="store_true", help="a line for every picture")
    asyncio.run(_main(parser.parse_args()))
