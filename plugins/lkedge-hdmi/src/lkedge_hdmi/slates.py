"""Slates as frames, one picture drawn for each text."""

from __future__ import annotations

from lkedge_v4l2.kernel import address_of

from lkedge.media.frame import Plane, VideoFrame
from lkedge.media.slate import draw_slate


class Slates:
    """Of one size. Belongs to one thread."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: even."""
        self._width = width
        self._height = height
        self._lines: tuple[str, ...] = ()
        self._picture = b""

    def frame(self, lines: tuple[str, ...], captured_ns: int) -> VideoFrame:
        """The slate with these lines."""
        if lines != self._lines or not self._picture:
            self._lines, self._picture = lines, draw_slate(self._width, self._height, lines)
        luma = address_of(self._picture)
        cb = luma + self._width * self._height
        cr = cb + self._width * self._height // 4
        half = self._width // 2
        planes = (Plane(luma, self._width), Plane(cb, half), Plane(cr, half))
        return VideoFrame(self._width, self._height, "yuv420p", planes, captured_ns, self._picture)
