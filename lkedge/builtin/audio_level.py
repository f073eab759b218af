# lkedge: pure
"""The level of 20 ms of sound, for the audio level header extension (RFC 6464)."""

from __future__ import annotations

import math

FULL_SCALE = 32_768
SILENCE = 127

STEP = 7
"""Every so many samples are looked at: a power needs no more, and 6 us are not 30.

It is prime, so that the pairs of stereo and the tones of test signals do not fall into it.
"""


def audio_level(samples: bytes) -> int:
    """Root mean square in -dBov: 0 is the loudest, 127 silence.

    samples: signed 16-bit native-endian; channels may be interleaved.
    """
    values = memoryview(samples).cast("h")[::STEP].tolist()
    if not values:
        return SILENCE
    power = math.hypot(*values) / math.sqrt(len(values))
    if power < 1:
        return SILENCE
    return min(SILENCE, max(0, round(-20 * math.log10(power / FULL_SCALE))))
