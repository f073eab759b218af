# lkedge: pure
"""Keeps the samples of a card on CLOCK_MONOTONIC, although the card has a crystal of its own.

Sound cards run 10 to 200 ppm too fast or too slow: up to 12 ms per minute against the pictures. An `AudioFrame` is
exactly 20 ms after the one before, so the difference must go into the samples: one is inserted or left out
now and then (`lkedge_alsa.stretch`), at most one in 20 ms, which is 1000 ppm.

How it is measured: each block says when its last sample was captured. Such a time is late by the
scheduling of kernel and worker, never early, so the smallest error within a window is the true one. A
control loop of second order (proportional and integral, critically damped) turns it into a rate.
Inside +-500 ppm the error stays below 5 ms (10 ms up to 1000 ppm), and goes to zero when the drift is steady.

An error of more than 100 ms is no drift: samples were lost or repeated without word from the driver.
It is made good in one step, as is the gap after an overrun.
"""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.clock import MILLISECOND_NS, SECOND_NS

SAMPLE_RATE = 48_000

WINDOW_NS = 2 * SECOND_NS
"""Long enough for one undisturbed reading in it, on a busy machine too."""

PROPORTIONAL = 1 / 10
"""Per second: an error is halved within 7 s."""

INTEGRAL = PROPORTIONAL**2 / 4
"""Per second squared: critically damped."""

MAX_RATE = 1e-3
STEP_NS = 100 * MILLISECOND_NS

SETTLING_NS = 100 * MILLISECOND_NS
"""Sound that is thrown away after opening, to find the start time; cards click then anyway."""


class DriftLoop:
    """From errors to the rate at which samples must be inserted (positive) or left out."""

    def __init__(self) -> None:
        self.rate = 0.0
        """Inserted samples per sample."""
        self._integral = 0.0
        self._begin_ns: int | None = None
        self._smallest_ns = 0

    def observe(self, error_ns: int, now_ns: int) -> int:
        """Take one reading. error_ns: how much later a sample was captured than the timeline says.

        Returns:
            What must be made good in one step; 0 nearly always.
        """
        if self._begin_ns is None:
            self._begin_ns, self._smallest_ns = now_ns, error_ns
        self._smallest_ns = min(self._smallest_ns, error_ns)
        elapsed_ns = now_ns - self._begin_ns
        if elapsed_ns < WINDOW_NS:
            return 0
        self._begin_ns = None
        if abs(self._smallest_ns) > STEP_NS:
            return self._smallest_ns
        self._steer(self._smallest_ns / SECOND_NS, elapsed_ns / SECOND_NS)
        return 0

    def restart(self) -> None:
        """Forget the window that is open; the rate that was found stays."""
        self._begin_ns = None

    def _steer(self, error_s: float, elapsed_s: float) -> None:
        self._integral = _limited(self._integral + INTEGRAL * error_s * elapsed_s)
        self.rate = _limited(PROPORTIONAL * error_s + self._integral)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What to do with one block, in samples at 48 kHz.

    gap: lost before it. discard: of its beginning. change: to insert; negative: to leave out.
    """

    gap: int = 0
    discard: int = 0
    change: int = 0


AS_IT_IS = Adjustment()


class SampleClock:
    """The timeline of one opening of a card.

    rate: of the card, in samples per second; all adjustments are at 48 kHz.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._loop = DriftLoop()
        self._frames = 0
        self._anchor_ns: int | None = None
        self._extra = 0
        self._owed = 0.0
        self._surplus = 0
        self._is_settled = False

    @property
    def is_settled(self) -> bool:
        """Whether blocks count; those that come before are thrown away."""
        return self._is_settled

    @property
    def position_ns(self) -> int:
        """The time of the sample that comes next."""
        card_ns = self._frames * SECOND_NS // self._rate
        return (self._anchor_ns or 0) + card_ns + self._extra * SECOND_NS // SAMPLE_RATE

    @property
    def correction_ppm(self) -> float:
        """How much faster than the card the timeline runs, in parts per million."""
        return self._loop.rate * 1e6

    def settle(self, frames: int, end_ns: int, *, after_gap: bool = False) -> None:
        """Take the time of a block that is thrown away; the earliest evidence counts. A gap begins anew."""
        if after_gap:
            self._frames, self._anchor_ns = 0, None
        self._frames += frames
        anchor_ns = end_ns - self._frames * SECOND_NS // self._rate
        self._anchor_ns = anchor_ns if self._anchor_ns is None else min(self._anchor_ns, anchor_ns)
        self._is_settled = self._frames * SECOND_NS >= SETTLING_NS * self._rate

    def take(self, frames: int, end_ns: int, *, after_gap: bool = False, max_change: int = 1) -> Adjustment:
        """Place one block on the timeline.

        frames: of the card. end_ns: when the last of them was captured. after_gap: the card lost
        sound before it. max_change: how many samples the block can be stretched by.
        """
        gap = self._gap(frames, end_ns) if after_gap else 0
        self._frames += frames
        step_ns = self._loop.observe(end_ns - self.position_ns, end_ns)
        if step_ns:
            gap += self._step(step_ns)
        if self._surplus:
            return Adjustment(gap, self._discard(frames))
        change = self._change(frames, max_change)
        self._extra += change
        return Adjustment(gap, 0, change) if gap or change else AS_IT_IS

    def _gap(self, frames: int, end_ns: int) -> int:
        """Samples that are missing before a block that the card delivered after an overrun."""
        self._loop.restart()
        begin_ns = end_ns - frames * SECOND_NS // self._rate
        gap = max(0, begin_ns - self.position_ns) * SAMPLE_RATE // SECOND_NS
        self._extra += gap
        return gap

    def _step(self, step_ns: int) -> int:
        """Move the timeline; returns the samples that are missing, or notes those that are too many."""
        samples = abs(step_ns) * SAMPLE_RATE // SECOND_NS
        self._extra += samples if step_ns > 0 else -samples
        if step_ns > 0:
            return samples
        self._surplus = samples
        return 0

    def _discard(self, frames: int) -> int:
        discard = min(self._surplus, frames * SAMPLE_RATE // self._rate)
        self._surplus -= discard
        return discard

    def _change(self, frames: int, max_change: int) -> int:
        self._owed += self._loop.rate * frames * SAMPLE_RATE / self._rate
        change = max(-max_change, min(max_change, int(self._owed)))
        self._owed -= change
        return change


def _limited(rate: float) -> float:
    return max(-MAX_RATE, min(MAX_RATE, rate))
