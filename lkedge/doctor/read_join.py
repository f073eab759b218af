"""Enters the room for a moment with a small test picture, which proves the way of the media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from lkedge.config.models import ApiKey, CaptureConfig, Config, LiveKitConfig, TrackConfig, VideoPublish
from lkedge.daemon.app import Daemon
from lkedge.doctor.facts import Join
from lkedge.plugin.manager import PluginManager
from lkedge.publish.state import ConnectionState, Status, TrackState
from lkedge.terms import TrackSource

JOIN_S = 15.0
ROUND_TRIP_S = 3.0
LOOK_S = 0.05

SUFFIX = "-doctor"
"""Behind our identity, where we may choose it: a second one of the same name would throw the first one out."""

TRACK = TrackConfig(
    "lkedge-doctor",
    "testsrc",
    TrackSource.CAMERA,
    VideoPublish(simulcast=False, dynacast=False),
    CaptureConfig(160, 90, 10.0),
)


async def read_join(config: Config) -> Join:
    """Join, publish, leave; at most 20 s."""
    daemon = Daemon(
        replace(config, livekit=_as_another(config.livekit), tracks=(TRACK,)),
        plugins=PluginManager(load_entry_points=False),
    )
    begun_ns = time.monotonic_ns()
    await daemon.start()
    try:
        is_published = await _until(daemon, _is_published, JOIN_S)
        seconds = (time.monotonic_ns() - begun_ns) / 1e9
        if not is_published:
            return Join(_problem(daemon.status()))
        await _until(daemon, _has_round_trip, ROUND_TRIP_S)
        return Join("", seconds, daemon.status().connection.round_trip_ms)
    finally:
        await daemon.stop()


def _as_another(livekit: LiveKitConfig) -> LiveKitConfig:
    credentials = livekit.credentials
    if not isinstance(credentials, ApiKey):
        return livekit
    return replace(livekit, credentials=replace(credentials, identity=credentials.identity + SUFFIX))


async def _until(daemon: Daemon, condition: Callable[[Status], bool], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not condition(daemon.status()):
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return False
    return True


def _is_published(status: Status) -> bool:
    return any(track.state is TrackState.PUBLISHED for track in status.tracks)


def _has_round_trip(status: Status) -> bool:
    return status.connection.round_trip_ms is not None


def _problem(status: Status) -> str:
    connection = status.connection
    if connection.reason:
        return connection.reason
    reasons = [track.reason for track in status.tracks if track.reason]
    if reasons:
        return reasons[0]
    joined = "joined" if connection.state is ConnectionState.CONNECTED else "did not join"
    return f"{joined}, but nothing was published within {JOIN_S:g} s: no way for media"
