# lkedge: pure
"""From what a card delivers to 16-bit samples of the wanted channels. Only slicing: cheap, and nothing to import."""

from __future__ import annotations

from array import array
from typing import NamedTuple


class Layout(NamedTuple):
    """Where the 16 most significant bits lie in one sample. width, offset: in bytes."""

    width: int
    offset: int


FORMATS = {"S16_LE": Layout(2, 0), "S32_LE": Layout(4, 2), "S24_3LE": Layout(3, 1), "S24_LE": Layout(4, 1)}
"""By ALSA's names, the preferred first. The lower bits are cut off: they are below the noise of any microphone."""


def to_16_bit(data: bytes, sample_format: str) -> bytes:
    """Signed 16-bit little-endian samples of `data` in one of FORMATS."""
    width, offset = FORMATS[sample_format]
    if width == 2:
        return data
    result = bytearray(len(data) // width * 2)
    result[0::2] = data[offset::width]
    result[1::2] = data[offset + 1 :: width]
    return bytes(result)


def pick_channels(samples: bytes, present: int, wanted: int, mode: str) -> bytes:
    """Interleaved 16-bit samples of `wanted` channels (1 or 2) from those of `present` channels.

    mode: what one channel of two is: "mix" their mean, "left" or "right". Of more than two
    channels the first ones are taken: the mean of distant microphones is a comb filter.
    """
    if present == wanted:
        return samples
    if present == 1:
        return _join(samples, samples)
    if wanted == 2:
        return _join(_channel(samples, present, 0), _channel(samples, present, 1))
    if present == 2 and mode == "mix":
        return _mean(samples)
    return _channel(samples, present, 1 if mode == "right" else 0)


def _channel(samples: bytes, channels: int, index: int) -> bytes:
    result = bytearray(len(samples) // channels)
    result[0::2] = samples[2 * index :: 2 * channels]
    result[1::2] = samples[2 * index + 1 :: 2 * channels]
    return bytes(result)


def _join(left: bytes, right: bytes) -> bytes:
    result = bytearray(2 * len(left))
    result[0::4], result[1::4] = left[0::2], left[1::2]
    result[2::4], result[3::4] = right[0::2], right[1::2]
    return bytes(result)


def _mean(samples: bytes) -> bytes:
    values = array("h", samples)
    return array("h", [(left + right) >> 1 for left, right in zip(values[0::2], values[1::2], strict=True)]).tobytes()
