"""What a subscriber saw and heard, and what follows from it. No I/O."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KEPT_FRAMES = 6_000
SAMPLE_RATE = 48_000
TONE_HZ, BEEP_HZ = 440.0, 880.0
BEEP_RATIO = 2.0
"""Power at 880 Hz over power at 440 Hz that makes a block part of a beep."""

BEEP_BLOCK_S = 0.01
SILENCE_RMS = 0.001

Luma = NDArray[np.uint8]
Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """One decoded picture.

    at_ns: CLOCK_MONOTONIC when it was handed out. wall_ms: Unix time then.
    counter, captured_ms: read from the strip; None when there is none or it is unreadable.
    """

    at_ns: int
    wall_ms: float
    width: int
    height: int
    counter: int | None = None
    captured_ms: int | None = None

    @property
    def age_ms(self) -> float | None:
        """Capture to decode, in milliseconds."""
        if self.captured_ms is None:
            return None
        return ((self.wall_ms - self.captured_ms + 2**31) % 2**32) - 2**31


@dataclass(slots=True)
class VideoRecord:
    """The pictures of one track: the newest KEPT_FRAMES, and the count of all."""

    name: str
    sid: str
    mime: str = ""
    count: int = 0
    frames: deque[FrameSeen] = field(default_factory=lambda: deque(maxlen=KEPT_FRAMES))

    def add(self, frame: FrameSeen) -> None:
        self.count += 1
        self.frames.append(frame)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the newest picture."""
        return (self.frames[-1].width, self.frames[-1].height) if self.frames else None

    def since(self, at_ns: int) -> list[FrameSeen]:
        return [frame for frame in self.frames if frame.at_ns >= at_ns]

    def longest_freeze_ms(self, since_ns: int = 0) -> float:
        """The longest time between two consecutive pictures."""
        times = [frame.at_ns for frame in self.since(since_ns)]
        return max((after - before for before, after in pairs(times)), default=0) / 1e6

    def ages_ms(self, since_ns: int = 0) -> list[float]:
        return [frame.age_ms for frame in self.since(since_ns) if frame.age_ms is not None]


@dataclass(slots=True)
class AudioRecord:
    """The sound of one track.

    rms: of the newest block, 1.0 is full scale. beeps_ms: Unix time of each onset of 880 Hz.
    """

    name: str
    sid: str
    count: int = 0
    rms: float = 0.0
    beeps_ms: deque[float] = field(default_factory=lambda: deque(maxlen=600))
    _in_beep: bool = False

    def add(self, samples: Samples, end_wall_ms: float) -> None:
        """samples: mono, -1 to 1, at 48 kHz; the last one was handed out at `end_wall_ms`."""
        self.count += 1
        self.rms = math.sqrt(float(np.mean(samples**2))) if len(samples) else 0.0
        block = int(SAMPLE_RATE * BEEP_BLOCK_S)
        for start in range(0, len(samples) - block + 1, block):
            is_beep = sounds_like_beep(samples[start : start + block])
            if is_beep and not self._in_beep:
                self.beeps_ms.append(end_wall_ms - (len(samples) - start) * 1000 / SAMPLE_RATE)
            self._in_beep = is_beep

    @property
    def is_silent(self) -> bool:
        return self.rms < SILENCE_RMS

    def delays_ms(self) -> list[float]:
        """How late each beep was heard after its full second; -500 to 500 ms."""
        return [((beep + 500) % 1000) - 500 for beep in self.beeps_ms]


def sync_error_ms(audio: AudioRecord, video: VideoRecord, seconds: int = 4) -> float:
    """Median delay of the sound less that of the picture over the last seconds; positive when the sound is late.

    Only the newest: while jitter buffers fill, and while a machine is busy, the two drift apart and come back.
    """
    newest_ns = video.frames[-1].at_ns
    ages_ms = video.ages_ms(newest_ns - seconds * 1_000_000_000)
    return float(np.median(audio.delays_ms()[-seconds:])) - float(np.median(ages_ms))


def sounds_like_beep(samples: Samples) -> bool:
    """Whether 880 Hz is louder than 440 Hz, and heard at all."""
    beep, tone = power_at(samples, BEEP_HZ), power_at(samples, TONE_HZ)
    return beep > BEEP_RATIO * tone and beep > SILENCE_RMS**2


def power_at(samples: Samples, frequency_hz: float) -> float:
    """Power of one frequency in a block (one bin of a Fourier transform)."""
    phase = 2 * math.pi * frequency_hz / SAMPLE_RATE * np.arange(len(samples))
    return float(abs(np.dot(samples, np.exp(-1j * phase)) / max(1, len(samples))) ** 2)


def missing_counters(frames: Iterable[FrameSeen]) -> list[tuple[int, int]]:
    """Jumps of more than one in the counter: (before, after). Unreadable pictures are skipped."""
    counters = [frame.counter for frame in frames if frame.counter is not None]
    return [(before, after) for before, after in pairs(counters) if after - before > 1]


def backward_counters(frames: Iterable[FrameSeen]) -> list[tuple[int, int]]:
    """Where the counter repeats or goes back."""
    counters = [frame.counter for frame in frames if frame.counter is not None]
    return [(before, after) for before, after in pairs(counters) if after <= before]


def longest_run(frames: Iterable[FrameSeen]) -> int:
    """The most consecutive pictures whose counter goes up by exactly one."""
    longest = run = 0
    before: int | None = None
    for frame in frames:
        run = run + 1 if before is not None and frame.counter == before + 1 else 1
        longest, before = max(longest, run), frame.counter
    return longest


def pairs(values: list[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(values))
