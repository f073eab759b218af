# lkedge: pure
"""What holds a whole track back, and when its source may be released: the same for picture and sound."""

from __future__ import annotations

NOT_PUBLISHED = "not published"
NOT_CONNECTED = "not connected"
MUTED = "muted"
NOT_SUBSCRIBED = "not subscribed"
TURNED_OFF = "turned off"


class TrackGate:
    """Base of LayerController and AudioController. Owned by the event loop."""

    def __init__(self, source_idle_after_ns: int) -> None:
        self._source_idle_after_ns = source_idle_after_ns
        self._is_muted = False
        self._is_published = False
        self._is_connected = True
        self._idle_since_ns: int | None = None
        self._captures = True

    def set_source_idle_after(self, source_idle_after_ns: int) -> None:
        """How long nothing may be active before the source is released."""
        self._source_idle_after_ns = source_idle_after_ns

    def set_published(self, is_published: bool) -> None:
        """The server knows the track, or no longer does. A new publication starts as wholly subscribed."""
        self._is_published = is_published

    def set_connected(self, is_connected: bool) -> None:
        """False once the connection has been away for so long that encoding for it is a waste."""
        self._is_connected = is_connected

    def set_muted(self, is_muted: bool) -> None:
        self._is_muted = is_muted

    def restart(self) -> None:
        """The source is opened anew: it counts as wanted until it has been idle again."""
        self._idle_since_ns, self._captures = None, True

    def next_change_ns(self) -> int | None:
        """When the plan will differ without any further input; None when it will not."""
        if self._idle_since_ns is None or not self._captures or not self._may_release():
            return None
        return self._idle_since_ns + self._source_idle_after_ns

    def _reason_against_all(self) -> str:
        if not self._is_connected:
            return NOT_CONNECTED
        if not self._is_published:
            return NOT_PUBLISHED
        return MUTED if self._is_muted else ""

    def _captures_at(self, now_ns: int, *, is_active: bool) -> bool:
        """Whether the source stays open, given that something is or is not active now."""
        if is_active:
            self._idle_since_ns, self._captures = None, True
        elif self._idle_since_ns is None:
            self._idle_since_ns = now_ns
        elif self._may_release() and now_ns >= self._idle_since_ns + self._source_idle_after_ns:
            self._captures = False
        return self._captures

    def _may_release(self) -> bool:
        """A source that waits for the room stays open, so that its track starts at once."""
        return self._is_published or not self._is_connected
