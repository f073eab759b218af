"""One open capture device: its negotiation, and its sound block by block with the time of it.

The device is non-blocking: opening a busy one would otherwise hold the whole process, and a read
could not be ended by `close`.
"""

from __future__ import annotations

import select
from dataclasses import dataclass

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import SourceLost, SourceUnavailable
from lkedge_alsa.library import Alsa, Pcm
from lkedge_alsa.refusal import lost, unavailable
from lkedge_alsa.samples import FORMATS
from lkedge_alsa.system import SoundSystem

PERIODS_PER_SECOND = 50
WANTED_RATE = 48_000
OLDEST_PLAUSIBLE_NS = SECOND_NS
MAX_CHANNELS = 32


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the card does, read back after asking. period, buffer: in samples per channel."""

    rate: int
    channels: int
    sample_format: str
    period: int
    buffer: int

    def __str__(self) -> str:
        return (
            f"{self.rate} Hz, {self.channels} channels, {self.sample_format}, blocks of {self.period} in {self.buffer}"
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Sound as the card gives it.

    frames: samples per channel. end_ns: CLOCK_MONOTONIC when the last of them was captured.
    after_gap: the card had no room before it, and lost sound.
    """

    data: bytes
    frames: int
    end_ns: int
    after_gap: bool = False


class CaptureDevice:
    """Owns the device; used by one thread.

    overruns: how often the card had no room since it was opened.
    """

    def __init__(
        self, device: str, channels: int, buffer_ms: int, *, alsa: Alsa, system: SoundSystem, clock: Clock
    ) -> None:
        """Open and negotiate; nothing is captured before the first `take`.

        Raises:
            SourceUnavailable: missing, busy, no right, or no usable format.
        """
        self.device = device
        self.overruns = 0
        self._alsa = alsa
        self._clock = clock
        try:
            self._pcm, self.negotiated = _open(device, channels, buffer_ms, alsa)
            self._poll = _prepared(self._pcm, alsa)
        except alsa.ALSAAudioError as error:
            raise unavailable(device, error, system) from error
        self._is_running = False
        self._has_gap = False

    def take(self, wait_s: float) -> Block | None:
        """The next block, at most one period; None when there is none within the time.

        Raises:
            SourceLost: the card has gone or failed.
        """
        try:
            return self._next(wait_s)
        except self._alsa.ALSAAudioError as error:
            raise lost(self.device, error) from error

    def close(self) -> None:
        """Give the device back."""
        self._pcm.close()

    def _next(self, wait_s: float) -> Block | None:
        """Capture only starts with a read; poll would wait for ever before it."""
        if self._is_running and not self._wait(wait_s):
            return None
        self._is_running = True
        frames, data = self._pcm.read()
        if frames > 0:
            return self._block(frames, data)
        if frames < 0:
            self._overrun()
        elif self._pcm.state() == self._alsa.PCM_STATE_DISCONNECTED:
            raise SourceLost(f"{self.device}: the sound card was unplugged")
        return None

    def _wait(self, wait_s: float) -> bool:
        """Devices such as dsnoop wake up for other reasons too, and say which only when asked."""
        ready = self._poll.poll(round(wait_s * 1000))
        return bool(ready) and bool(self._pcm.polldescriptors_revents(ready))

    def _overrun(self) -> None:
        """pyalsaaudio has prepared the device again; the next read starts it."""
        self.overruns += 1
        self._has_gap = True
        self._is_running = False

    def _block(self, frames: int, data: bytes) -> Block:
        has_gap, self._has_gap = self._has_gap, False
        return Block(data, frames, self._end_ns(), has_gap)

    def _end_ns(self) -> int:
        """The driver's time less what it has captured since; now, when that cannot be right."""
        now_ns = self._clock.monotonic_ns()
        seconds, nanoseconds, available = self._pcm.htimestamp()
        stamp_ns = seconds * SECOND_NS + nanoseconds
        is_plausible = 0 <= now_ns - stamp_ns < OLDEST_PLAUSIBLE_NS and 0 <= available < self.negotiated.buffer
        return stamp_ns - available * SECOND_NS // self.negotiated.rate if is_plausible else now_ns


def _open(device: str, channels: int, buffer_ms: int, alsa: Alsa) -> tuple[Pcm, Negotiated]:
    """pyalsaaudio ignores it when the card refuses a parameter, so each format is tried and read back."""
    refused = ""
    for sample_format in FORMATS:
        pcm = alsa.PCM(
            type=alsa.PCM_CAPTURE,
            mode=alsa.PCM_NONBLOCK,
            device=device,
            rate=WANTED_RATE,
            channels=channels,
            format=getattr(alsa, f"PCM_FORMAT_{sample_format}"),
            periodsize=WANTED_RATE // PERIODS_PER_SECOND,
            periods=max(3, buffer_ms * PERIODS_PER_SECOND // 1000),
        )
        negotiated = _read_back(pcm)
        if _is_usable(negotiated):
            return pcm, negotiated
        refused = str(negotiated)
        pcm.close()
    raise SourceUnavailable(
        f"{device}: the card delivers {refused}, which is of no use; "
        f'let ALSA convert it with device = "plughw:{device.partition(":")[2] or "..."}"'
    )


def _prepared(pcm: Pcm, alsa: Alsa) -> select.poll:
    """Switch on time stamps of the clock that we use; returns what to wait on."""
    poll = select.poll()
    try:
        pcm.set_tstamp_mode(alsa.PCM_TSTAMP_ENABLE)
        pcm.set_tstamp_type(alsa.PCM_TSTAMP_TYPE_MONOTONIC)
        for descriptor, events in pcm.polldescriptors():
            poll.register(descriptor, events)
    except BaseException:
        pcm.close()
        raise
    return poll


def _read_back(pcm: Pcm) -> Negotiated:
    info = pcm.info()
    return Negotiated(
        info["rate"], info["channels"], info["format_name"], info["period_size"], max(1, info["buffer_size"])
    )


def _is_usable(negotiated: Negotiated) -> bool:
    return (
        negotiated.sample_format in FORMATS
        and 4_000 <= negotiated.rate <= 768_000
        and 1 <= negotiated.channels <= MAX_CHANNELS
    )
