# lkedge: pure
"""Cuts sound into frames of exactly 20 ms, with their capture times."""

from __future__ import annotations

from collections import deque

from lkedge.clock import SECOND_NS
from lkedge.media.frame import AudioFrame

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960


class FrameAssembler:
    """Takes 16-bit samples at 48 kHz in any portions.

    start_ns: CLOCK_MONOTONIC of the first sample. All times come from it by counting, so consecutive
    frames are exactly 20 ms apart.
    """

    def __init__(self, channels: int, start_ns: int) -> None:
        self._channels = channels
        self._start_ns = start_ns
        self._frame_bytes = FRAME_SAMPLES * channels * 2
        self._begun = bytearray()
        self._position = 0
        self._ready: deque[AudioFrame] = deque()

    def add(self, samples: bytes) -> None:
        """The next samples, interleaved."""
        self._begun += samples
        while len(self._begun) >= self._frame_bytes:
            captured_ns = self._start_ns + self._position * SECOND_NS // SAMPLE_RATE
            self._ready.append(AudioFrame(bytes(self._begun[: self._frame_bytes]), self._channels, captured_ns))
            del self._begun[: self._frame_bytes]
            self._position += FRAME_SAMPLES

    def skip(self, samples: int) -> None:
        """So many samples per channel are lost: silence to the end of a begun frame, then a step in the time."""
        per_sample = 2 * self._channels
        if self._begun:
            silence = min(samples, (self._frame_bytes - len(self._begun)) // per_sample)
            self.add(bytes(silence * per_sample))
            samples -= silence
        self._position += samples

    def pop(self) -> AudioFrame | None:
        """The oldest frame that is complete."""
        return self._ready.popleft() if self._ready else None
