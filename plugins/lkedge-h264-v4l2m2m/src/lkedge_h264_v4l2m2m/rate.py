# lkedge: pure
"""Which bitrate to ask of a driver so that the wanted one results.

Drivers count pictures: a bitrate is held at the frame rate they were told. And the firmware
of the Raspberry Pi overshoots for long when there is much motion, which a network pays for.
"""

from __future__ import annotations

from lkedge.clock import SECOND_NS

SMOOTHING = 8
"""Pictures over which a change of the frame rate is taken in."""

SLOWEST = 4.0
"""The bitrate is kept while at least one of so many nominal pictures comes."""

WINDOW_NS = 2 * SECOND_NS
TOLERATED = 1.1
LOWEST_FACTOR = 0.5
STEEPEST = 1.5
RECOVERY = 1.05
"""Changes of the factor in one window, down and up."""


class BitrateKeeper:
    """Fed with every picture and what became of it.

    framerate: what the driver believes.
    """

    def __init__(self, bitrate: int, framerate: float) -> None:
        self._factor = 1.0
        self._last_ns: int | None = None
        self.set(bitrate, framerate)

    def set(self, bitrate: int, framerate: float) -> None:
        """Another target."""
        self._bitrate = bitrate
        self._nominal_ns = SECOND_NS / framerate
        self._interval_ns = self._nominal_ns
        self._begin_window()

    def add(self, captured_ns: int, size: int, *, is_key: bool = False) -> None:
        """A picture, captured then, became so many bytes.

        A key frame is a burst that every rate control makes good by itself; it is not judged.
        """
        if self._last_ns is not None:
            elapsed_ns = min(max(captured_ns - self._last_ns, 0), SLOWEST * self._nominal_ns)
            self._interval_ns += (elapsed_ns - self._interval_ns) / SMOOTHING
            self._window_ns += elapsed_ns
        self._last_ns = captured_ns
        self._window_bits += 8 * size
        if is_key:
            self._begin_window()
        elif self._window_ns >= WINDOW_NS:
            self._judge()

    @property
    def wanted(self) -> int:
        """Bits per second to ask for."""
        slowness = min(max(self._interval_ns / self._nominal_ns, 0.5), SLOWEST)
        return max(1, round(self._bitrate * slowness * self._factor))

    def _judge(self) -> None:
        ratio = self._window_bits * SECOND_NS / self._window_ns / self._bitrate
        if ratio > TOLERATED:
            self._factor = max(LOWEST_FACTOR, self._factor / min(ratio, STEEPEST))
        elif ratio < 1:
            self._factor = min(1.0, self._factor * RECOVERY)
        self._begin_window()

    def _begin_window(self) -> None:
        self._window_ns = 0.0
        self._window_bits = 0
