# lkedge: pure
"""Decides whether an audio track runs: the counterpart of LayerController for sound."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.clock import SECOND_NS
from lkedge.publish.track_gate import NOT_SUBSCRIBED, TURNED_OFF, TrackGate
from lkedge.terms import BitsPerSecond

FIRST_LISTENER_WAIT_NS = 3 * SECOND_NS
"""Whoever is in the room when a track is published has subscribed to it by then; others start it again."""


@dataclass(frozen=True, slots=True)
class AudioState:
    """What the sound of one track does now, and why; `reason` is empty while active."""

    active: bool
    capture: bool
    bitrate: BitsPerSecond
    reason: str = ""


class AudioController(TrackGate):
    """State of one audio track. Owned by the event loop."""

    def __init__(self, bitrate: BitsPerSecond, *, dynacast: bool, source_idle_after_ns: int) -> None:
        super().__init__(source_idle_after_ns)
        self._max_bitrate = bitrate
        self._limit: BitsPerSecond | None = None
        self._dynacast = dynacast
        self._is_subscribed = True
        self._is_told = False
        self._waits_until_ns: int | None = None
        self._is_enabled = True

    @property
    def is_heard(self) -> bool:
        """The server said that somebody listens."""
        return self._is_told and self._is_subscribed

    def set_published(self, is_published: bool) -> None:
        super().set_published(is_published)
        self._is_subscribed, self._is_told, self._waits_until_ns = True, False, None

    def set_dynacast(self, dynacast: bool) -> None:
        """Whether sound that nobody hears stops."""
        self._dynacast = dynacast

    def set_subscribed(self, is_subscribed: bool) -> None:
        """Take over a SubscribedAudioCodecUpdate."""
        self._is_subscribed, self._is_told, self._waits_until_ns = is_subscribed, True, None

    def expect_listeners(self, now_ns: int) -> None:
        """The server will say when somebody listens; who has not come after a while is not there."""
        self._waits_until_ns = now_ns + FIRST_LISTENER_WAIT_NS

    def set_bitrate(self, bitrate: BitsPerSecond) -> None:
        """The configured bitrate is another one; a lower limit stays."""
        self._max_bitrate = bitrate

    def set_limit(self, *, is_enabled: bool = True, max_bitrate: BitsPerSecond | None = None) -> None:
        self._is_enabled = is_enabled
        self._limit = max_bitrate

    def plan(self, now_ns: int) -> AudioState:
        """The decision for this moment."""
        if self._waits_until_ns is not None and now_ns >= self._waits_until_ns:
            self._is_subscribed, self._waits_until_ns = False, None
        reason = self._reason_against()
        captures = self._captures_at(now_ns, is_active=not reason)
        return AudioState(not reason, captures, self._bitrate, reason)

    def next_change_ns(self) -> int | None:
        due = [one for one in (self._waits_until_ns, super().next_change_ns()) if one is not None]
        return min(due, default=None)

    @property
    def _bitrate(self) -> BitsPerSecond:
        return self._max_bitrate if self._limit is None else min(self._max_bitrate, self._limit)

    def _reason_against(self) -> str:
        if reason := self._reason_against_all():
            return reason
        if self._dynacast and not self._is_subscribed:
            return NOT_SUBSCRIBED
        return "" if self._is_enabled else TURNED_OFF
