# lkedge: pure
"""Chooses the quantizer of every picture, so that an H.264 encoder keeps a bitrate.

The bits of a picture are taken to be inversely proportional to the step size, which doubles
with every six quantizers (H.264, 8.5.9). A leaky bucket holds what was sent beyond the
bitrate; it is paid back over half a second, and while too much is owed, pictures are left out.
"""

from __future__ import annotations

import math

from lkedge.builtin.picture_meter import Content
from lkedge.clock import SECOND_NS

FINEST, COARSEST = 14, 51
"""Below the finest nobody sees a difference."""

UNIT_QUANTIZER = 12
PER_DOUBLING = 6

CATCH_UP_S = 0.5
CATCH_UP_PICTURES = 4
"""Time in which what is owed is made good, and at least so many pictures."""

SAVED_S = 0.25
"""Seconds of the bitrate that may be spent at once after a quiet time."""

OWED_S = 0.5
"""Seconds of the bitrate that may be owed before pictures are left out."""

KEY_S = 0.2
KEY_PICTURES = 2
"""Seconds of the bitrate for a key frame, and at least so many mean pictures."""

LEAST, MOST = 0.3, 2.0
"""Share of the mean picture that one picture is given at least and at most."""

STEP = 1
"""Quantizers from one picture to the next: a coarse picture after a fine one is skipped rather than refined."""

RETURN = 2
"""Part of what it is too coarse by that a picture makes good at once."""

JUMP = 4
"""Quantizers that are missing when it is made coarser at once."""

WEIGHT, SURPRISE, WEIGHT_OF_HARDER, WEIGHT_OF_EASIER = 0.15, 2.0, 0.5, 0.3
"""Weight of a picture in the complexity, and of one that was so many times as hard, or as easy, as expected."""

INTRA_BITS, LEAST_INTRA_BITS = 36.0, 0.5
"""Complexity of an intra coded pixel, per detail of the picture and at least: bits at `UNIT_QUANTIZER`."""

LEAST_FACTOR, MOST_FACTOR = 0.5, 4.0
"""By how much key frames may turn out to differ from that: a dark room says nothing about a lit one."""

INTER_SHARE = 0.1
"""Of the complexity of a key frame: that of the picture after the first one."""


class QuantizerControl:
    """Keeps one layer at its bitrate. Call `choose` before and `add` after each picture."""

    def __init__(self, pixels: int, bitrate: int) -> None:
        self._pixels = pixels
        self._bitrate = bitrate
        self._intra = 0.0
        self._intra_factor = 1.0
        self._inter = 0.0
        self._new = 0.0
        self._owed = 0.0
        self._quantizer = COARSEST
        self._is_key = True

    def set_bitrate(self, bitrate: int) -> None:
        """Aim for this many bits per second from the next picture on; what is owed lasts as long as before."""
        self._owed *= bitrate / self._bitrate
        self._bitrate = bitrate

    def choose(self, interval_ns: float, content: Content, *, key_frame: bool) -> int | None:
        """The quantizer of the next picture, which stands for that time; None when it is to be left out."""
        mean = self._bitrate * interval_ns / SECOND_NS
        self._owed = max(-mean - SAVED_S * self._bitrate, self._owed - mean)
        if self._owed > OWED_S * self._bitrate and not key_frame:
            return None
        self._is_key = key_frame
        self._intra = self._pixels * max(LEAST_INTRA_BITS, INTRA_BITS * content.detail)
        intra = self._intra_factor * self._intra
        self._new = content.new * intra
        if key_frame:
            wanted = _quantizer(intra, self._key_bits(mean))
        else:
            wanted = self._near(_quantizer(self._inter + self._new, self._inter_bits(mean)))
        self._quantizer = max(FINEST, min(COARSEST, wanted))
        return self._quantizer

    def add(self, encoded_bytes: int) -> None:
        """The picture has become so many bytes."""
        bits = 8 * encoded_bytes
        self._owed += bits
        complexity = bits * 2 ** ((self._quantizer - UNIT_QUANTIZER) / PER_DOUBLING)
        if self._is_key:
            self._intra_factor = max(LEAST_FACTOR, min(MOST_FACTOR, complexity / self._intra))
            self._inter = self._inter or INTER_SHARE * complexity
        else:
            self._learn(max(0.0, complexity - self._new))

    def _learn(self, complexity: float) -> None:
        weight = WEIGHT
        if complexity > SURPRISE * self._inter:
            weight = WEIGHT_OF_HARDER
        elif complexity < self._inter / SURPRISE:
            weight = WEIGHT_OF_EASIER
        self._inter += weight * (complexity - self._inter)

    def _near(self, wanted: int) -> int:
        """In small steps, save when much coarser ones are needed."""
        if wanted >= self._quantizer + JUMP:
            return wanted
        fall = max(STEP, (self._quantizer - wanted) // RETURN)
        return max(self._quantizer - fall, min(self._quantizer + STEP, wanted))

    def _key_bits(self, mean: float) -> float:
        bits = max(KEY_S * self._bitrate, KEY_PICTURES * mean)
        return max(bits / 2, bits - max(0.0, self._owed))

    def _inter_bits(self, mean: float) -> float:
        """What is owed counts from the fill that the bucket has before a usual picture."""
        in_time = max(CATCH_UP_S * self._bitrate, CATCH_UP_PICTURES * mean)
        return mean * max(LEAST, min(MOST, 1 - (self._owed + mean) / in_time))


def _quantizer(complexity: float, bits: float) -> int:
    return round(UNIT_QUANTIZER + PER_DOUBLING * math.log2(max(complexity, 1.0) / bits))
