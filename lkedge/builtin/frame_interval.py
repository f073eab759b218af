# lkedge: pure
"""The time between pictures, smoothed: what a rate control should believe."""

from __future__ import annotations

from lkedge.clock import SECOND_NS

SMOOTHING = 8
"""Pictures over which a change of the rate is taken in."""

LONGEST = 8
"""A gap counts as so many nominal intervals at most: bits not spent in a pause are not saved up."""


class FrameInterval:
    """Tracks the interval of the pictures that arrive, starting at the nominal one.

    A camera that falls to half its rate in the dark, or a worker that skips pictures, would
    otherwise halve the bitrate; single jitter must not swing the budget of a picture.
    """

    def __init__(self, framerate: float) -> None:
        self._last_ns: int | None = None
        self.set_framerate(framerate)

    def set_framerate(self, framerate: float) -> None:
        """Expect this rate from now on."""
        self._nominal_ns = SECOND_NS / max(framerate, 1.0)
        self._smoothed_ns = self._nominal_ns

    def update(self, captured_ns: int) -> float:
        """Nanoseconds that the picture captured now stands for."""
        if self._last_ns is not None:
            elapsed_ns = min(max(captured_ns - self._last_ns, 0), LONGEST * self._nominal_ns)
            self._smoothed_ns += (elapsed_ns - self._smoothed_ns) / SMOOTHING
        self._last_ns = captured_ns
        return self._smoothed_ns
