# lkedge: pure
"""Makes a block of sound a few samples longer or shorter without a click.

A sample that is simply doubled or left out is a step in the phase, and audible in a steady tone. Here
the time axis of 64 samples is bent for each instead, with cubic (Catmull-Rom) interpolation; both ends meet what is
around them exactly.
"""

from __future__ import annotations

from array import array

WINDOW = 64
"""Samples that are replaced by one more or one less: 1.3 ms, a change of pitch of 1.6 % for that time."""

MARGIN = 4
"""Samples around the window that the curve needs."""


def most(count: int) -> int:
    """By how many samples a block of `count` samples per channel can be stretched."""
    return max(0, count - MARGIN) // WINDOW


def stretch(samples: bytes, channels: int, change: int) -> bytes:
    """The block with `change` samples more (less, when negative) per channel, in its middle.

    samples: 16-bit, interleaved; `abs(change)` at most `most` of their number per channel.
    """
    values = array("h", samples)
    count = len(values) // channels
    if not 0 < abs(change) <= most(count):
        raise ValueError(f"a block of {count} samples cannot be stretched by {change}")
    window = WINDOW * abs(change)
    begin = (count - window) // 2
    parts = [_bent(values[channel::channels], begin, window, change) for channel in range(channels)]
    bent = array("h", [value for together in zip(*parts, strict=True) for value in together])
    return (values[: begin * channels] + bent + values[(begin + window) * channels :]).tobytes()


def _bent(values: array[int], begin: int, window: int, change: int) -> list[int]:
    """What replaces the `window` samples from `begin` on."""
    length = window + change
    return [_at(values, begin, position * window, length) for position in range(length)]


def _at(values: array[int], begin: int, numerator: int, denominator: int) -> int:
    """The curve through the samples, `numerator / denominator` samples after `begin`."""
    whole, rest = divmod(numerator, denominator)
    t = rest / denominator
    a, b, c, d = values[begin + whole - 1 : begin + whole + 3]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return max(-32768, min(32767, round(curve)))
