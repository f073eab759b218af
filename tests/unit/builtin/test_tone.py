from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lkedge.builtin import pace, tone
from lkedge.builtin.options import ToneOptions
from lkedge.builtin.tone import ToneSource
from lkedge.clock import SECOND_NS
from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import AudioCaptureSettings


class FakeTime:
    """Monotonic and wall clock; sleeping moves both."""

    def __init__(self, wall_ns: int) -> None:
        self.now_ns = 5 * SECOND_NS
        self._offset_ns = wall_ns - self.now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        return self.now_ns + self._offset_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """It is 0.99 s before a full second, less 3 ms."""
    fake = FakeTime(1_770_000_000 * SECOND_NS + 13_000_000)
    monkeypatch.setattr(tone, "time", fake)
    monkeypatch.setattr(pace, "time", fake)
    return fake


def record(clock: FakeTime, frames: int, channels: int = 1) -> np.ndarray:
    source = ToneSource(AudioCaptureSettings(channels), ToneOptions())
    source.open()
    data = b"".join(source.read().samples for _ in range(frames))
    return np.frombuffer(data, np.int16).reshape(-1, channels).astype(float)


def level_dbfs(samples: np.ndarray, frequency: int) -> float:
    """Peak level of one frequency, of a whole number of its periods."""
    angle = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / 48_000)
    return float(20 * np.log10(abs((samples * angle).mean()) * 2 / 32767))


def test_tone_is_440_hz_at_minus_12_dbfs(clock: FakeTime) -> None:
    samples = record(clock, 40)[: 1200 * 20, 0]
    assert level_dbfs(samples, 440) == pytest.approx(-12, abs=0.05)
    assert level_dbfs(samples, 880) < -60


def test_beep_begins_at_the_full_second_of_the_wall_clock(clock: FakeTime) -> None:
    samples = record(clock, 60)[:, 0]
    second = round((1.0 - 0.013) * 48_000)
    assert level_dbfs(samples[second - 1200 : second], 880) < -60
    assert level_dbfs(samples[second : second + 4800], 880) == pytest.approx(-6, abs=0.1)
    assert level_dbfs(samples[second : second + 4800], 440) == pytest.approx(-12, abs=0.1)
    assert level_dbfs(samples[second + 4800 : second + 6000], 880) < -60


def test_every_second_has_its_beep(clock: FakeTime) -> None:
    samples = record(clock, 260)[:, 0]
    loud = np.flatnonzero(np.abs(samples) > 0.4 * 32767) / 48_000
    beginnings = [float(loud[0]), *(float(later) for earlier, later in pairwise(loud) if later - earlier > 0.5)]
    assert len(beginnings) == 5
    assert [later - earlier for earlier, later in pairwise(beginnings)] == pytest.approx([1.0] * 4, abs=0.002)


def test_there_is_no_click(clock: FakeTime) -> None:
    samples = record(clock, 120)[:, 0]
    steepest = 2 * np.pi * 32767 / 48_000 * (440 * 10 ** (-12 / 20) + 880 * 10 ** (-6 / 20))
    assert np.abs(np.diff(samples)).max() < steepest * 1.01


def test_stereo_is_the_same_on_both_sides(clock: FakeTime) -> None:
    samples = record(clock, 60, channels=2)
    assert (samples[:, 0] == samples[:, 1]).all()


def test_long_stall_leaves_out_whole_frames(clock: FakeTime) -> None:
    source = ToneSource(AudioCaptureSettings(1), ToneOptions())
    source.open()
    before = source.read().captured_ns
    clock.now_ns += 3 * SECOND_NS
    after = source.read().captured_ns
    assert (after - before) % 20_000_000 == 0
    assert clock.now_ns - after < SECOND_NS


@pytest.mark.parametrize("channels", [0, 3])
def test_other_channel_counts_are_refused(channels: int) -> None:
    with pytest.raises(SourceUnavailable, match=f"{channels} channels; ask for 1 or 2"):
        ToneSource(AudioCaptureSettings(channels), ToneOptions()).open()
