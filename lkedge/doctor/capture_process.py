"""`python -m lkedge.doctor.capture_process PARENT`: reads one camera for a while, in a process that may hang.

A request comes as JSON on stdin: {"plugins": [...], "config": TOML of one track}. The answer, a
`bench_plan.Camera` as JSON, goes to stdout.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import tomllib
from typing import Any

from lkedge import interrupts
from lkedge.doctor.bench_plan import Camera
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoSource
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.options import build_options
from lkedge.worker.jsonable import to_json
from lkedge.worker.parent import die_with
from lkedge.worker.sentence import describe

PICTURES = 60
SECONDS = 8.0


def main() -> None:
    """Entry point. Argument: the process id of who waits for the answer."""
    die_with(int(sys.argv[1]))
    interrupts.leave_to_parent()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    request = json.load(sys.stdin)
    track = tomllib.loads(request["config"])["track"][0]
    try:
        camera = _read(track["name"], _source(track, request["plugins"]))
    except Exception as error:
        camera = Camera(track["name"], describe(track["name"], error))
    out.write(json.dumps(to_json(camera)))
    out.flush()
    os._exit(0)


def _source(track: dict[str, Any], plugins: list[str]) -> VideoSource:
    registry = PluginManager(load_entry_points=False, targets=plugins).registry
    registration = registry.sources[track["source"]]
    assert registration.video is not None
    capture = track.get("capture", {})
    wanted = VideoCaptureSettings(capture.get("width", 0), capture.get("height", 0), float(capture.get("framerate", 0)))
    return registration.video(wanted, build_options(registration.options, track.get(track["source"], {})))


def _read(name: str, source: VideoSource) -> Camera:
    begun_ns = time.monotonic_ns()
    video_format = source.open()
    opened_ns = time.monotonic_ns()
    try:
        times = _times(source, opened_ns)
    finally:
        source.close()
    return measured(name, f"{video_format.width}x{video_format.height}", opened_ns - begun_ns, opened_ns, times)


def _times(source: VideoSource, begun_ns: int) -> list[tuple[int, int]]:
    """For each picture, when it was taken and when it was there."""
    times: list[tuple[int, int]] = []
    while len(times) < PICTURES and time.monotonic_ns() - begun_ns < SECONDS * 1e9:
        frame: VideoFrame | EncodedFrame = source.read()
        times.append((frame.captured_ns, time.monotonic_ns()))
    return times


def measured(name: str, size: str, open_ns: int, opened_ns: int, times: list[tuple[int, int]]) -> Camera:
    """times: at least one pair of capture and delivery, in order."""
    if not times:
        return Camera(name, "no picture came")
    # The first ones may have waited in the driver while the camera settled.
    steady = times[len(times) // 4 :]
    latencies = [there_ns - taken_ns for taken_ns, there_ns in steady]
    span_ns = steady[-1][0] - steady[0][0]
    return Camera(
        name,
        "",
        size,
        1e9 * (len(steady) - 1) / span_ns if span_ns else 0.0,
        open_ns / 1e6,
        (times[0][1] - opened_ns) / 1e6,
        sum(latencies) / len(latencies) / 1e6,
        max(latencies) / 1e6,
    )


if __name__ == "__main__":
    main()
