# lkedge: pure
"""To 48 kHz, or not at all when the card does that itself."""

from __future__ import annotations

from collections.abc import Callable

SAMPLE_RATE = 48_000


def converter(rate: int, channels: int) -> Callable[[bytes], bytes]:
    """What makes 48 kHz of 16-bit sound at `rate`; PyAV is imported only when it is needed."""
    if rate == SAMPLE_RATE:
        return lambda samples: samples
    from lkedge_alsa.resampler import RateConverter

    return RateConverter(rate, channels).convert
