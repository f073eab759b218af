"""A sound card, the module alsaaudio, and clocks, as far as the plugin uses them.

The card has a crystal of its own: it captures `ppm` faster than the clock. With a ManualClock
time passes only while the source waits.
"""

from __future__ import annotations

import math
import os
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lkedge_alsa.cards import CaptureDevice, Card

SECOND = 1_000_000_000
HERTZ = 440
START = 1000 * SECOND
FORMATS = {"S16_LE": 2, "S32_LE": 10, "S24_LE": 6, "S24_3LE": 32, "FLOAT_LE": 14}
WIDTHS = {"S16_LE": 2, "S32_LE": 4, "S24_LE": 4, "S24_3LE": 3}
MIC = Card(1, "Webcam", "HD Webcam C920", (CaptureDevice(0, "USB Audio"),))
SPEAKER = Card(0, "Headphones", "bcm2835 Headphones")


class ALSAAudioError(Exception):
    pass


class ManualClock:
    """jitter: called at each wait, how late it ends."""

    def __init__(self, jitter: Callable[[], int] = lambda: 0) -> None:
        self.now_ns = START
        self.jitter = jitter

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0

    def sleep_until(self, due_ns: int) -> None:
        self.now_ns = max(self.now_ns, due_ns) + self.jitter()


class RealClock:
    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    def sleep_until(self, due_ns: int) -> None:
        time.sleep(max(0, due_ns - time.monotonic_ns()) / SECOND)


Clock = ManualClock | RealClock


@dataclass
class FakeMixer:
    name: str
    volume: int | None = 50
    recording: bool | None = True


@dataclass
class FakeCard:
    """rates, channels, formats: what it can do. has_stamps: whether its driver tells times.
    error: what every read raises. is_silent: it delivers nothing. waits: time passes while one waits for it."""

    rates: tuple[int, ...] = (48_000,)
    channels: tuple[int, ...] = (1, 2)
    formats: tuple[str, ...] = ("S16_LE",)
    ppm: float = 0.0
    has_stamps: bool = True
    error: str = ""
    open_error: str = ""
    is_silent: bool = False
    waits: bool = True
    state: int = 3
    mixers: list[FakeMixer] = field(default_factory=list)
    opened: int = 0


@cache
def second_of_tone(rate: int, channels: int, sample_format: str) -> bytes:
    """Made before capture begins: it takes longer than a card can wait. Nothing of a format that nobody reads."""
    if sample_format not in WIDTHS:
        return b""
    step = 2 * math.pi * HERTZ / rate
    shift = {"S16_LE": 0, "S32_LE": 16, "S24_LE": 8, "S24_3LE": 8}[sample_format]
    values = (round(10_000 * math.sin(step * index)) << shift for index in range(rate))
    return b"".join(value.to_bytes(WIDTHS[sample_format], "little", signed=True) * channels for value in values)


class FakePcm:
    def __init__(self, card: FakeCard, clock: Clock, wanted: dict[str, Any]) -> None:
        self.card, self.clock = card, clock
        self.rate = min(card.rates, key=lambda rate: abs(rate - wanted.get("rate", 44_100)))
        asked = wanted.get("channels", 2)
        self.channels = asked if asked in card.channels else card.channels[0]
        name = next((name for name, code in FORMATS.items() if code == wanted.get("format", 2)), "")
        self.format = name if name in card.formats else card.formats[0]
        self.period = wanted.get("periodsize", 32) * self.rate // 48_000
        self.buffer = self.period * wanted.get("periods", 4)
        self.begun_ns: int | None = None
        self.taken = 0
        self.total = 0
        self.tone = second_of_tone(self.rate, self.channels, self.format)
        self.fd = os.eventfd(1)
        self.is_closed = False
        card.opened += 1

    def info(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "channels": self.channels,
            "format_name": self.format,
            "period_size": self.period,
            "buffer_size": self.buffer,
        }

    def available(self) -> int:
        if self.begun_ns is None:
            return 0
        elapsed_ns = self.clock.monotonic_ns() - self.begun_ns
        return int(elapsed_ns * self.rate * (1 + self.card.ppm * 1e-6) / SECOND) - self.taken

    def read(self) -> tuple[int, bytes]:
        self._check()
        if self.begun_ns is None:
            self.begun_ns, self.taken = self.clock.monotonic_ns(), 0
        available = 0 if self.card.is_silent else self.available()
        if available > self.buffer:
            self.begun_ns = None
            return -32, b""
        count = min(available, self.period)
        self.taken += count
        self.total += count
        return count, self.sound(self.total - count, count) if count else b""

    def sound(self, first: int, count: int) -> bytes:
        """A sine of 440 Hz by the card's own crystal; it repeats every second."""
        frame_bytes = WIDTHS[self.format] * self.channels
        begin = first % self.rate * frame_bytes
        return (self.tone * 2)[begin : begin + count * frame_bytes]

    def htimestamp(self) -> tuple[int, int, int]:
        if not self.card.has_stamps:
            return 0, 0, 0
        return *divmod(self.clock.monotonic_ns(), SECOND), self.available()

    def polldescriptors(self) -> list[tuple[int, int]]:
        return [(self.fd, 1)]

    def polldescriptors_revents(self, descriptors: list[tuple[int, int]]) -> int:
        assert descriptors == [(self.fd, 1)]
        missing = self.period - self.available()
        if not self.card.waits:
            return int(missing <= 0)
        if missing > 0 or self.card.is_silent:
            wait_ns = round(missing * SECOND / self.rate / (1 + self.card.ppm * 1e-6)) + 1000
            self.clock.sleep_until(self.clock.monotonic_ns() + max(1_000_000, wait_ns))
        return 0 if self.card.is_silent else 1

    def state(self) -> int:
        return self.card.state

    def avail(self) -> int:
        return self.available()

    def set_tstamp_mode(self, mode: int) -> None:
        assert mode == FakeAlsa.PCM_TSTAMP_ENABLE

    def set_tstamp_type(self, kind: int) -> None:
        assert kind == FakeAlsa.PCM_TSTAMP_TYPE_MONOTONIC

    def getformats(self) -> dict[str, int]:
        return {name: FORMATS[name] for name in self.card.formats}

    def getchannels(self) -> list[int]:
        return list(self.card.channels)

    def getrates(self) -> Any:
        return self.card.rates if len(self.card.rates) > 1 else self.card.rates[0]

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            os.close(self.fd)
            self.card.opened -= 1

    def _check(self) -> None:
        if self.is_closed:
            raise ALSAAudioError("PCM device is closed")
        if self.card.error:
            raise ALSAAudioError(f"{self.card.error} [hw:CARD=Webcam,DEV=0]")


class MixerHandle:
    def __init__(self, mixer: FakeMixer) -> None:
        self.mixer = mixer
        self.is_closed = False

    def volumecap(self) -> list[str]:
        return ["Playback Volume"] if self.mixer.volume is None else ["Capture Volume", "Joined Capture Volume"]

    def switchcap(self) -> list[str]:
        return ["Playback Mute"] if self.mixer.recording is None else ["Capture Mute"]

    def getvolume(self, pcmtype: int = 0) -> list[int]:
        assert pcmtype == FakeAlsa.PCM_CAPTURE
        return [] if self.mixer.volume is None else [self.mixer.volume] * 2

    def setvolume(self, volume: int, channel: int | None = None, pcmtype: int = 0) -> None:
        assert (channel, pcmtype) == (None, FakeAlsa.PCM_CAPTURE)
        self.mixer.volume = volume

    def getrec(self) -> list[int]:
        return [int(bool(self.mixer.recording))] * 2

    def setrec(self, capture: int) -> None:
        self.mixer.recording = bool(capture)

    def close(self) -> None:
        self.is_closed = True


class FakeAlsa:
    """The module, with one card: every name but those in `missing` means it."""

    ALSAAudioError = ALSAAudioError
    PCM_CAPTURE = 1
    PCM_NONBLOCK = 1
    PCM_TSTAMP_ENABLE = 1
    PCM_TSTAMP_TYPE_MONOTONIC = 1
    PCM_STATE_DISCONNECTED = 8
    PCM_FORMAT_S16_LE = 2
    PCM_FORMAT_S24_LE = 6
    PCM_FORMAT_S32_LE = 10
    PCM_FORMAT_S24_3LE = 32

    def __init__(self, card: FakeCard | None = None, clock: Clock | None = None) -> None:
        self.card = card or FakeCard()
        self.clock = clock or ManualClock()
        self.names: list[str] = []
        self.pcms: list[FakePcm] = []

    def PCM(self, **wanted: Any) -> FakePcm:
        assert (wanted["type"], wanted["mode"]) == (self.PCM_CAPTURE, self.PCM_NONBLOCK)
        self.names.append(wanted["device"])
        if self.card.open_error:
            raise ALSAAudioError(f"{self.card.open_error} [{wanted['device']}]")
        self.pcms.append(FakePcm(self.card, self.clock, wanted))
        return self.pcms[-1]

    def mixers(self, *, device: str) -> list[str]:
        assert device == "hw:CARD=Webcam"
        return [mixer.name for mixer in self.card.mixers]

    def Mixer(self, *, control: str, id: int, device: str) -> MixerHandle:
        if self.card.error:
            raise ALSAAudioError(self.card.error)
        return MixerHandle([mixer for mixer in self.card.mixers if mixer.name == control][id])


class FakeSystem:
    def __init__(self, *cards: Card, may_open: bool = True) -> None:
        self._cards = list(cards)
        self._may_open = may_open

    def cards(self) -> list[Card]:
        return self._cards

    def may_open(self) -> bool:
        return self._may_open

    def user(self) -> str:
        return "pi"


def values(samples: bytes) -> list[int]:
    return list(array("h", samples))


def crossings(samples: bytes) -> Iterator[int]:
    """Where a mono tone rises through zero."""
    signal = values(samples)
    return (index for index in range(1, len(signal)) if signal[index - 1] < 0 <= signal[index])
