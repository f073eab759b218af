from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from fake_alsa import MIC, FakeAlsa, FakeCard, FakeSystem, ManualClock, values
from lkedge_alsa.options import AlsaOptions
from lkedge_alsa.pcm import CaptureDevice
from lkedge_alsa.reference import EchoReference
from lkedge_alsa.source import AlsaSource

from lkedge.plugin.api import AudioCaptureSettings

MS = 1_000_000


class Loudspeaker:
    """A device to capture from, and time that passes 20 ms at a time."""

    def __init__(self, **card: Any) -> None:
        self.clock = ManualClock()
        self.card = FakeCard(waits=False, **card)
        self.alsa: Any = FakeAlsa(self.card, self.clock)
        self.reference = EchoReference(self.open, self.clock)

    def open(self) -> CaptureDevice:
        return CaptureDevice("loop", 1, 160, alsa=self.alsa, system=FakeSystem(MIC), clock=self.clock)

    def take(self, count: int) -> list[bytes]:
        taken = []
        for _ in range(count):
            self.clock.now_ns += 20 * MS
            taken.append(self.reference.take())
        return taken


@pytest.mark.parametrize("card", [{}, {"rates": (44_100,), "channels": (2,), "formats": ("S32_LE",)}])
def test_what_is_played_comes_out_in_frames_without_a_break(card: dict[str, Any]) -> None:
    taken = Loudspeaker(**card).take(60)
    given = [frame for frame in taken if frame]
    assert {len(frame) for frame in given} == {1920}
    assert len(given) >= 55
    signal = values(b"".join(given))
    assert max(abs(b - a) for a, b in pairwise(signal)) < 700, "a sine has no steps"


@pytest.mark.parametrize("ppm", [-2000, 2000])
def test_clocks_that_differ_are_evened_out(ppm: float) -> None:
    loudspeaker = Loudspeaker(ppm=ppm)
    taken = loudspeaker.take(50 * 60)
    assert taken.count(b"") < 60
    assert len(loudspeaker.reference._queue) <= 5 * 1920


def test_a_device_that_is_missing_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    loudspeaker = Loudspeaker(open_error="No such device")
    assert set(loudspeaker.take(600)) == {b""}
    assert 2 <= len(loudspeaker.alsa.names) <= 4
    assert len(caplog.records) == 1
    assert "echo is not cancelled: loop: there is no such sound device" in caplog.text

    loudspeaker.card.open_error = ""
    assert any(loudspeaker.take(300))


def test_a_device_that_goes_is_opened_again() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.take(10)
    loudspeaker.card.error = "No such device"
    assert loudspeaker.take(5)[-1] == b""
    assert loudspeaker.card.opened == 0
    loudspeaker.card.error = ""
    assert any(loudspeaker.take(300))
    loudspeaker.reference.close()
    assert loudspeaker.card.opened == 0


@pytest.mark.parametrize(
    ("wanted", "device", "is_there"), [(True, "loop", True), (None, "loop", False), (True, "", False)]
)
def test_frames_carry_it_when_echo_is_to_be_cancelled(wanted: bool | None, device: str, is_there: bool) -> None:
    alsa: Any = FakeAlsa()
    source = AlsaSource(
        AudioCaptureSettings(1, wanted),
        AlsaOptions(echo_reference=device),
        alsa=alsa,
        system=FakeSystem(MIC),
        clock=alsa.clock,
    )
    source.open()
    frames = [source.read() for _ in range(20)]
    assert bool(frames[-1].reference) is is_there
    source.close()
    assert alsa.card.opened == 0
