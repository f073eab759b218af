"""The one place where a raw picture waits: between the capture and the encode thread."""

from __future__ import annotations

import threading

from lkedge.media.frame import VideoFrame


class FrameSlot:
    """Holds one picture; a newer one replaces it, and the loss is counted.

    `put` belongs to the capture thread, `take` to the encode thread; `wake` and `close`
    may come from any.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._frame: VideoFrame | None = None
        self._is_woken = False
        self._is_closed = False
        self.dropped = 0
        """Pictures that were replaced before anybody took them."""

    def put(self, frame: VideoFrame) -> None:
        with self._condition:
            self.dropped += self._frame is not None
            self._frame = frame
            self._condition.notify()

    def take(self, timeout_s: float | None = None) -> VideoFrame | None:
        """The newest picture; None after `wake`, `close` or the time-out."""
        with self._condition:
            self._condition.wait_for(self._has_news, timeout_s)
            frame, self._frame = self._frame, None
            self._is_woken = False
            return frame

    def wake(self) -> None:
        """Let `take` return without a picture."""
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def close(self) -> None:
        """Drop the picture; `take` returns None at once from now on."""
        with self._condition:
            self._is_closed = True
            self._frame = None
            self._condition.notify()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def _has_news(self) -> bool:
        return self._frame is not None or self._is_woken or self._is_closed
