"""The subscriber that both publishers are watched with: the official SDK, in a process of its own.

    LKEDGE_BENCH_TOKEN=... python -m bench.publishing.viewer URL [--clip FILE.y4m]

Takes commands, one per line: `quality LOW|MEDIUM|HIGH`, `picture on|off`, `sound on|off`,
`compare on|off` (PSNR against the clip), `report NANOSECONDS` (of what came since then), `quit`.
Prints one JSON object per event; times are CLOCK_MONOTONIC in nanoseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from bench.publishing.clip import Clip, Luma
from bench.publishing.sdk_publisher import TOKEN_VARIABLE
from lkedge.terms import VideoQuality
from tests.sfu.harness.records import FrameSeen, VideoRecord
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

PICTURE, SOUND = "picture", "tone"
COMPARED_EVERY = 3
"""Of so many pictures one is compared: it costs milliseconds."""


class Viewer:
    """One subscriber; tells when pictures begin and when their size changes."""

    def __init__(self, url: str, token: str, clip: Clip | None) -> None:
        self._clip = clip
        self._width = 0
        self._compares = False
        self._psnr: deque[tuple[int, float]] = deque(maxlen=6000)
        self._subscriber = Subscriber(url, token, strip_reader=default_strip_reader(), on_frame=self._picture)

    async def run(self) -> None:
        """Until `quit` or the end of standard input."""
        self._subscriber.room.on("participant_connected", lambda one: tell("joined", identity=one.identity))
        self._subscriber.room.on("track_subscribed", lambda *_: self._begin())
        self._subscriber.room.on("participant_disconnected", lambda one: tell("left", identity=one.identity))
        async with self._subscriber:
            tell("connected")
            reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while (line := await reader.readline()) and self._obey(line.decode().split()):
                pass

    def _obey(self, words: list[str]) -> bool:
        match words:
            case ["quality", quality]:
                self._subscriber.set_quality(PICTURE, VideoQuality[quality])
            case ["picture" | "sound" as which, state]:
                self._subscriber.set_subscribed(PICTURE if which == "picture" else SOUND, state == "on")
            case ["compare", state]:
                self._compares = state == "on"
            case ["report", since]:
                tell("report", **self._report(int(since)))
            case _:
                return False
        tell("done", command=" ".join(words))
        return True

    def _begin(self) -> None:
        self._width = 0

    def _picture(self, name: str, seen: FrameSeen, luma: Luma) -> None:
        if seen.width != self._width:
            self._width = seen.width
            tell("picture", at_ns=seen.at_ns, width=seen.width)
        is_due = seen.counter is not None and seen.counter % COMPARED_EVERY == 0
        if self._compares and self._clip is not None and seen.width == self._clip.width and is_due:
            self._psnr.append((seen.at_ns, psnr(luma, self._clip.luma(seen.counter or 0))))

    def _report(self, since_ns: int) -> dict[str, Any]:
        record = self._subscriber.video.get(PICTURE, VideoRecord(PICTURE, ""))
        frames = record.since(since_ns)
        return {
            "frames": len(frames),
            "widths": sorted({frame.width for frame in frames}),
            "unreadable": sum(frame.counter is None for frame in frames),
            "ages_ms": [frame.age_ms for frame in frames if frame.age_ms is not None],
            "longest_gap_ms": record.longest_freeze_ms(since_ns),
            "psnr_db": [round(value, 3) for at_ns, value in self._psnr if at_ns >= since_ns],
        }


def psnr(luma: Luma, original: Luma) -> float:
    """In dB, of one plane."""
    difference = luma.astype(np.int16) - original
    mean = float(np.mean(np.square(difference, dtype=np.int32)))
    return 10 * float(np.log10(255**2 / max(mean, 1e-9)))


def tell(event: str, **fields: Any) -> None:
    """at_ns is now unless given."""
    print(json.dumps({"event": event, "at_ns": time.monotonic_ns(), **fields}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clip", type=Path)
    arguments = parser.parse_args()
    clip = Clip.open(arguments.clip) if arguments.clip else None
    asyncio.run(_run(arguments.url, clip))
    os._exit(0)


async def _run(url: str, clip: Clip | None) -> None:
    """The SDK's room belongs to the loop that runs when it is made."""
    await Viewer(url, os.environ[TOKEN_VARIABLE], clip).run()


if __name__ == "__main__":
    main()
