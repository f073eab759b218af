"""Other sample rates to 48 kHz, by FFmpeg's libswresample. Imported only for a card that needs it: PyAV costs 20 MB."""

from __future__ import annotations

import av
from av.audio.resampler import AudioResampler

SAMPLE_RATE = 48_000


class RateConverter:
    """Converts 16-bit interleaved sound of 1 or 2 channels. The first sample out is the first one in;
    the filter holds back less than a millisecond."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._layout = "stereo" if channels == 2 else "mono"
        self._bytes = 2 * channels
        self._resampler = AudioResampler("s16", self._layout, SAMPLE_RATE)

    def convert(self, samples: bytes) -> bytes:
        """What there is at 48 kHz after these samples."""
        if not samples:
            return b""
        frame = av.AudioFrame("s16", self._layout, len(samples) // self._bytes)
        frame.sample_rate = self._rate
        frame.planes[0].update(samples)
        parts = self._resampler.resample(frame)
        return b"".join(bytes(part.planes[0])[: part.samples * self._bytes] for part in parts)
