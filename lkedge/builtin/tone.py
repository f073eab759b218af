"""`tone`: a steady 440 Hz, and a beep of 880 Hz at every full second of the wall clock.

The beep of second s begins where the clock in the test picture passes s, so sound and
picture can be compared by their clocks.
"""

from __future__ import annotations

import math
import time
from array import array

from lkedge.builtin.options import ToneOptions
from lkedge.builtin.pace import Pace
from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.errors import SourceClosed, SourceUnavailable
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioCaptureSettings, AudioFormat, AudioSource

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
FRAME_NS = 20 * MILLISECOND_NS
MAX_LATE_NS = 10 * FRAME_NS

TONE_HZ = 440
TONE_DBFS = -12.0
BEEP_HZ = 880
BEEP_DBFS = -6.0
BEEP_SAMPLES = SAMPLE_RATE // 10

PERIOD = 1200
"""Samples after which both waves repeat: 11 periods of 440 Hz, 22 of 880 Hz."""


class ToneSource(AudioSource):
    """A frame is given out when its last sample is due, as a sound card would."""

    def __init__(self, capture: AudioCaptureSettings, options: ToneOptions) -> None:
        self._channels = capture.channels
        self._tone = _wave(TONE_HZ, TONE_DBFS, PERIOD + FRAME_SAMPLES)
        self._beep = _wave(BEEP_HZ, BEEP_DBFS, BEEP_SAMPLES)
        self._quiet = {start: self._pack(self._tone[start : start + FRAME_SAMPLES]) for start in range(0, PERIOD, 240)}
        self._captured_ns = 0
        self._position = 0
        self._beep_begin = -BEEP_SAMPLES
        self._second = time.time_ns() // SECOND_NS
        self._is_open = False
        self._pace = Pace()

    def open(self) -> AudioFormat:
        if self._channels not in (1, 2):
            raise SourceUnavailable(f"tone: cannot make {self._channels} channels; ask for 1 or 2")
        self._captured_ns = time.monotonic_ns()
        self._is_open = True
        return AudioFormat(self._channels)

    def read(self) -> AudioFrame:
        self._wait_until_due()
        if not self._is_open or self._pace.is_closed:
            raise SourceClosed("tone: it is closed")
        captured_ns = self._captured_ns
        samples = self._samples(captured_ns + time.time_ns() - time.monotonic_ns())
        self._captured_ns += FRAME_NS
        self._position += FRAME_SAMPLES
        return AudioFrame(samples, self._channels, captured_ns)

    def close(self) -> None:
        self._pace.close()

    def _wait_until_due(self) -> None:
        """Sleep until the last sample is due; after a long stall leave out whole frames."""
        due_ns = self._captured_ns + FRAME_NS
        late_ns = time.monotonic_ns() - due_ns
        if late_ns > MAX_LATE_NS:
            missed = late_ns // FRAME_NS
            self._captured_ns += missed * FRAME_NS
            self._position += missed * FRAME_SAMPLES
        self._pace.sleep_until(due_ns)

    def _samples(self, unix_ns: int) -> bytes:
        """The frame that begins at this wall-clock time."""
        start = self._position % PERIOD
        self._look_for_second(unix_ns)
        samples = self._tone[start : start + FRAME_SAMPLES] if self._is_beeping() else None
        return self._pack(self._with_beep(samples)) if samples is not None else self._quiet[start]

    def _look_for_second(self, unix_ns: int) -> None:
        """Begin a beep when a second of the wall clock begins in this frame."""
        second = (unix_ns + FRAME_NS - 1) // SECOND_NS
        if second > self._second and not self._is_beeping():
            offset_ns = max(0, second * SECOND_NS - unix_ns)
            self._beep_begin = self._position + offset_ns * SAMPLE_RATE // SECOND_NS
        self._second = second

    def _is_beeping(self) -> bool:
        return self._position < self._beep_begin + BEEP_SAMPLES

    def _with_beep(self, samples: array[int]) -> array[int]:
        first = max(0, self._beep_begin - self._position)
        offset = self._position + first - self._beep_begin
        beep = self._beep[offset : offset + FRAME_SAMPLES - first]
        for index, value in enumerate(beep, first):
            samples[index] += value
        return samples

    def _pack(self, samples: array[int]) -> bytes:
        if self._channels == 1:
            return samples.tobytes()
        return array("h", [value for value in samples for _ in range(self._channels)]).tobytes()


def _wave(frequency: int, dbfs: float, count: int) -> array[int]:
    """A sine that begins at zero; its peak is `dbfs` below full scale."""
    peak = 32767 * 10 ** (dbfs / 20)
    step = 2 * math.pi * frequency / SAMPLE_RATE
    return array("h", [round(peak * math.sin(step * index)) for index in range(count)])
