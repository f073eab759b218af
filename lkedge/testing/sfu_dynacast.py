# lkedge: pure
"""Which qualities of a track are wanted, and when the publisher is told.

LiveKit's rules (livekit-wire.md 6.2, livekit-verified.md 5): an upgrade at once; a
downgrade when it has lasted `pause_delay_ns`; all off `initial_wait_ns` after the first
packet when nobody subscribes; nothing while muted; all again after unmute and resume.
"""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.terms import VideoQuality

SECOND_NS = 1_000_000_000

_UNKNOWN = -2
_OFF = -1


@dataclass(frozen=True, slots=True)
class DynacastTiming:
    pause_delay_ns: int = 5 * SECOND_NS
    initial_wait_ns: int = 10 * SECOND_NS


class QualityDemand:
    """The demand for one track. Times are nanoseconds.

    top: the highest quality the track has; demand beyond is cut down to it.
    """

    def __init__(self, top: VideoQuality, timing: DynacastTiming) -> None:
        self._top = top
        self._timing = timing
        self._subscribers: dict[str, VideoQuality] = {}
        self._told: int = _UNKNOWN
        self._downgraded_ns: int | None = None
        self._started_ns: int | None = None
        self._is_muted = False

    @property
    def subscribers(self) -> int:
        return len(self._subscribers)

    def start(self, now_ns: int) -> None:
        """The first packet of the track came."""
        if self._started_ns is None:
            self._started_ns = now_ns

    def subscribe(self, subscriber: str, quality: VideoQuality, now_ns: int) -> None:
        self._subscribers[subscriber] = quality
        self._changed(now_ns)

    def unsubscribe(self, subscriber: str, now_ns: int) -> None:
        self._subscribers.pop(subscriber, None)
        self._changed(now_ns)

    def set_muted(self, muted: bool) -> None:
        """After an unmute everything is told again."""
        if self._is_muted and not muted:
            self._told = _UNKNOWN
        self._is_muted = muted

    def restart(self, now_ns: int) -> None:
        """The publisher resumed: tell it again, at the next change or after the initial wait."""
        self._told = _UNKNOWN
        self._started_ns = now_ns

    def due(self, now_ns: int) -> dict[VideoQuality, bool] | None:
        """What to tell the publisher now; None for nothing."""
        deadline_ns = self.deadline_ns(now_ns)
        if deadline_ns is None or now_ns < deadline_ns:
            return None
        self._told = self._wanted
        self._downgraded_ns = None
        return {quality: quality <= self._told for quality in VideoQuality}

    def deadline_ns(self, now_ns: int) -> int | None:
        """When `due` will have something to say; None when only a change can bring it."""
        if self._is_muted:
            return None
        if self._told == _UNKNOWN and self._wanted == _OFF:
            return None if self._started_ns is None else self._started_ns + self._timing.initial_wait_ns
        if self._wanted > self._told:
            return now_ns
        return None if self._downgraded_ns is None else self._downgraded_ns + self._timing.pause_delay_ns

    @property
    def _wanted(self) -> int:
        return min(self._top, max(self._subscribers.values())) if self._subscribers else _OFF

    def _changed(self, now_ns: int) -> None:
        if self._wanted >= self._told and self._downgraded_ns is None:
            return
        if self._downgraded_ns is None:
            self._downgraded_ns = now_ns
