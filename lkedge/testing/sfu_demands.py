"""Tells a publisher what is wanted of its tracks, when it is time to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from livekit.protocol import rtc

from lkedge.terms import VideoQuality
from lkedge.testing import sfu_messages as messages
from lkedge.testing.sfu_track import QualityUpdate, SfuTrack

TIMER_SLACK_S = 0.001


class Demands:
    """The quality updates of one participant's tracks. Owned by it; one timer.

    tracks: the participant's own mapping, read when needed.
    """

    def __init__(
        self,
        tracks: Mapping[str, SfuTrack],
        send: Callable[[rtc.SignalResponse], None],
        on_told: Callable[[], None],
    ) -> None:
        self._tracks = tracks
        self._send = send
        self._on_told = on_told
        self._timer: asyncio.TimerHandle | None = None

    def tell(self) -> None:
        """Something changed, or the timer fired: send what is due, and come back for the rest."""
        now_ns = time.monotonic_ns()
        for track in self._video_tracks():
            qualities = track.demand.due(now_ns)
            if qualities is not None:
                self._tell(track, qualities, now_ns)
        self._schedule(now_ns)

    def restart(self) -> None:
        """The publisher resumed: everything is told again."""
        now_ns = time.monotonic_ns()
        for track in self._video_tracks():
            track.demand.restart(now_ns)
        self.tell()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _video_tracks(self) -> list[SfuTrack]:
        return [track for track in self._tracks.values() if track.is_video and track.is_published]

    def _tell(self, track: SfuTrack, qualities: dict[VideoQuality, bool], now_ns: int) -> None:
        track.updates.append(QualityUpdate(now_ns, qualities))
        self._send(messages.quality_update(track.sid, track.codec, qualities))
        self._on_told()

    def _schedule(self, now_ns: int) -> None:
        self.close()
        deadlines = [track.demand.deadline_ns(now_ns) for track in self._video_tracks()]
        known = [deadline for deadline in deadlines if deadline is not None]
        if known:
            delay_s = max(0.0, (min(known) - now_ns) / 1e9) + TIMER_SLACK_S
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.tell)
