# lkedge: pure
"""Makes a rate control that stays below or above its target keep it."""

from __future__ import annotations

from lkedge.clock import SECOND_NS

CREDIT_S = 0.5
"""Seconds of the target that may be owed, either way: the largest burst after a quiet time."""

CATCH_UP_S = 1.5
"""Time in which what is owed is made good."""


class RateBalance:
    """Compares what was to be sent with what was sent.

    x264 in constant bitrate spends 10 % less than asked on a moving picture, and takes many
    seconds to climb back from a low rate; both cost quality that the network would carry.
    """

    def __init__(self, bitrate: int) -> None:
        self.set_bitrate(bitrate)

    def set_bitrate(self, bitrate: int) -> None:
        """Start anew with another target, in bits per second."""
        self._bitrate = bitrate
        self._credit_bits = 0.0

    def add(self, sent_bytes: int, interval_ns: float) -> None:
        """A picture that stands for so much time has become so many bytes."""
        limit = CREDIT_S * self._bitrate
        credit = self._credit_bits + self._bitrate * interval_ns / SECOND_NS - 8 * sent_bytes
        self._credit_bits = max(-limit, min(limit, credit))

    @property
    def wanted_bitrate(self) -> float:
        """What to ask of the rate control, so that the target results."""
        return self._bitrate + self._credit_bits / CATCH_UP_S
