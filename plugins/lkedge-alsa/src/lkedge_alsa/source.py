"""The source "alsa": opens a card, turns what it delivers into frames of 20 ms at 48 kHz, notices when it goes."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Sequence

from lkedge.clock import MILLISECOND_NS, SECOND_NS, Clock, SystemClock
from lkedge.errors import SourceClosed, SourceError, SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioCaptureSettings, AudioFormat, AudioSource, Control, ControlValue
from lkedge_alsa.assembler import FRAME_SAMPLES, SAMPLE_RATE, FrameAssembler
from lkedge_alsa.cards import card_of, resolve
from lkedge_alsa.drift import Adjustment, SampleClock
from lkedge_alsa.library import Alsa, load
from lkedge_alsa.mixer import CardMixer
from lkedge_alsa.options import LEAVE_GAIN, AlsaOptions
from lkedge_alsa.pcm import Block, CaptureDevice
from lkedge_alsa.reference import EchoReference
from lkedge_alsa.resampling import converter
from lkedge_alsa.samples import pick_channels, to_16_bit
from lkedge_alsa.stretch import most, stretch
from lkedge_alsa.system import LinuxSound, SoundSystem

logger = logging.getLogger(__name__)

WAIT_S = 0.2
"""`close` from another thread ends a waiting `read` within this time."""

DRIFT_TOLD_NS = 10 * SECOND_NS
"""How often, when somebody debugs."""

MAX_AHEAD_NS = 10 * MILLISECOND_NS
"""ALSA's null and file devices deliver at once; they are slowed down to this much before their time."""


class AlsaSource(AudioSource):
    """One card. The lock makes `close` wait for a `read` that is under way."""

    def __init__(
        self,
        capture: AudioCaptureSettings,
        options: AlsaOptions,
        *,
        alsa: Alsa | None = None,
        system: SoundSystem | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._channels = capture.channels
        self._cancels_echo = bool(capture.echo_cancellation)
        self._options = options
        self._alsa = alsa
        self._system = system or LinuxSound()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._opened: _Opened | None = None
        self._reference: EchoReference | None = None

    def open(self) -> AudioFormat:
        with self._lock:
            if self._closed.is_set():
                raise SourceClosed("the sound card was closed before it was opened")
            if self._channels not in (1, 2):
                raise SourceUnavailable(f"alsa: {self._channels} channels cannot be published; ask for 1 or 2")
            alsa = self._alsa or load()
            device = resolve(self._options.device, self._system.cards())
            card = self._open_device(device, self._channels, alsa)
            try:
                self._opened = _Opened(card, CardMixer(card_of(device), alsa), self._channels, self._options.channel)
            except BaseException:
                card.close()
                raise
            self._set_gain(self._opened)
            if self._options.echo_reference and self._cancels_echo:
                self._reference = EchoReference(lambda: self._open_reference(alsa), self._clock)
            return AudioFormat(self._channels, is_microphone=self._options.microphone)

    def read(self) -> AudioFrame:
        with self._lock:
            deadline_ns = self._clock.monotonic_ns() + round(self._options.stall_after * SECOND_NS)
            while True:
                opened = self._still_open()
                frame = opened.pop()
                if frame is not None:
                    self._pace(frame)
                    return self._with_reference(frame)
                if not opened.capture(WAIT_S):
                    self._check_progress(opened, deadline_ns)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            opened, self._opened = self._opened, None
            reference, self._reference = self._reference, None
            if reference is not None:
                reference.close()
            if opened is not None:
                opened.card.close()

    def controls(self) -> Sequence[Control]:
        """Gain and mute of the card."""
        with self._lock:
            return self._opened.mixer.controls() if self._opened else ()

    def set_control(self, name: str, value: ControlValue) -> None:
        with self._lock:
            self._still_open().mixer.set_control(name, value)

    def _open_device(self, device: str, channels: int, alsa: Alsa) -> CaptureDevice:
        buffer_ms = self._options.buffer
        return CaptureDevice(device, channels, buffer_ms, alsa=alsa, system=self._system, clock=self._clock)

    def _open_reference(self, alsa: Alsa) -> CaptureDevice:
        return self._open_device(resolve(self._options.echo_reference, self._system.cards()), 1, alsa)

    def _with_reference(self, frame: AudioFrame) -> AudioFrame:
        return dataclasses.replace(frame, reference=self._reference.take()) if self._reference else frame

    def _still_open(self) -> _Opened:
        if self._closed.is_set() or self._opened is None:
            raise SourceClosed("the sound card is closed")
        return self._opened

    def _set_gain(self, opened: _Opened) -> None:
        """A gain that cannot be set is no reason not to capture."""
        gain = self._options.gain
        try:
            if gain != LEAVE_GAIN and not opened.mixer.set_gain(gain):
                logger.warning("%s has no gain that could be set to %d %%", opened.card.device, gain)
        except SourceError as error:
            logger.warning("%s: %s", opened.card.device, error)

    def _pace(self, frame: AudioFrame) -> None:
        end_ns = frame.captured_ns + FRAME_SAMPLES * SECOND_NS // SAMPLE_RATE
        ahead_ns = end_ns - MAX_AHEAD_NS - self._clock.monotonic_ns()
        if ahead_ns > 0:
            self._closed.wait(min(WAIT_S, ahead_ns / SECOND_NS))

    def _check_progress(self, opened: _Opened, deadline_ns: int) -> None:
        if self._clock.monotonic_ns() >= deadline_ns:
            raise SourceLost(
                f"{opened.card.device}: no sound for {self._options.stall_after:g} s; the card is opened again"
            )


class _Opened:
    """What belongs to one opening: the device, and the way of its sound to frames."""

    def __init__(self, card: CaptureDevice, mixer: CardMixer, channels: int, mode: str) -> None:
        self.card = card
        self.mixer = mixer
        self._channels = channels
        self._mode = mode
        self._convert = converter(card.negotiated.rate, channels)
        self._timeline = SampleClock(card.negotiated.rate)
        self._frames: FrameAssembler | None = None
        self._drift_told_ns = 0
        logger.info("%s captures %s", card.device, card.negotiated)

    def pop(self) -> AudioFrame | None:
        """The next frame that is complete."""
        return self._frames.pop() if self._frames else None

    def capture(self, wait_s: float) -> bool:
        """Take one block; False when none comes within the time."""
        block = self.card.take(wait_s)
        if block is None:
            return False
        if self._timeline.is_settled:
            self._frames = self._frames or FrameAssembler(self._channels, self._timeline.position_ns)
            self._add(self._frames, block)
        else:
            self._timeline.settle(block.frames, block.end_ns, after_gap=block.after_gap)
        return True

    def _add(self, frames: FrameAssembler, block: Block) -> None:
        samples = self._convert(self._adapted(block))
        length = len(samples) // (2 * self._channels)
        adjustment = self._timeline.take(block.frames, block.end_ns, after_gap=block.after_gap, max_change=most(length))
        self._tell(block, adjustment)
        self._tell_drift(block.end_ns)
        frames.skip(adjustment.gap)
        if adjustment.change:
            samples = stretch(samples, self._channels, adjustment.change)
        frames.add(samples[adjustment.discard * 2 * self._channels :])

    def _adapted(self, block: Block) -> bytes:
        negotiated = self.card.negotiated
        samples = to_16_bit(block.data, negotiated.sample_format)
        return pick_channels(samples, negotiated.channels, self._channels, self._mode)

    def _tell(self, block: Block, adjustment: Adjustment) -> None:
        """The first overrun is worth a warning; a slow machine has many."""
        if block.after_gap:
            level = logging.WARNING if self.card.overruns == 1 else logging.DEBUG
            lost_ms = adjustment.gap * 1000 / SAMPLE_RATE
            logger.log(level, "%s: overrun %d, %.0f ms of sound lost", self.card.device, self.card.overruns, lost_ms)
        elif adjustment.gap or adjustment.discard:
            samples = adjustment.gap - adjustment.discard
            logger.debug("%s: the card's time was wrong by %d samples", self.card.device, samples)

    def _tell_drift(self, now_ns: int) -> None:
        if now_ns - self._drift_told_ns >= DRIFT_TOLD_NS:
            self._drift_told_ns = now_ns
            logger.debug("%s: drift is corrected by %+.0f ppm", self.card.device, self._timeline.correction_ppm)
