"""The source against a simulated card: negotiation, drift, overruns, errors, closing."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise
from typing import Any

import pytest
from fake_alsa import MIC, START, FakeAlsa, FakeCard, FakeMixer, FakeSystem, ManualClock, crossings, values
from lkedge_alsa.options import AlsaOptions
from lkedge_alsa.source import AlsaSource

from lkedge.errors import SourceClosed, SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioCaptureSettings, AudioFormat

MS = 1_000_000
FRAME_NS = 20 * MS


def make(alsa: FakeAlsa, channels: int = 1, **options: Any) -> AlsaSource:
    return AlsaSource(
        AudioCaptureSettings(channels),
        AlsaOptions(**options),
        alsa=alsa,  # type: ignore[arg-type]
        system=FakeSystem(MIC),
        clock=alsa.clock,
    )


def opened(alsa: FakeAlsa, channels: int = 1, **options: Any) -> AlsaSource:
    source = make(alsa, channels, **options)
    source.open()
    return source


def read(source: AlsaSource, count: int) -> list[AudioFrame]:
    return [source.read() for _ in range(count)]


def steps(frames: list[AudioFrame]) -> list[int]:
    return [after.captured_ns - before.captured_ns for before, after in pairwise(frames)]


def test_the_first_card_is_opened_by_its_name() -> None:
    alsa = FakeAlsa()
    assert make(alsa).open() == AudioFormat(1, is_microphone=True)
    assert alsa.names == ["hw:CARD=Webcam,DEV=0"]
    pcm = alsa.pcms[0]
    assert (pcm.rate, pcm.channels, pcm.format, pcm.period, pcm.buffer) == (48_000, 1, "S16_LE", 960, 7680)


def test_a_line_input_says_that_it_is_no_microphone() -> None:
    assert make(FakeAlsa(), 2, microphone=False).open() == AudioFormat(2, is_microphone=False)


def test_frames_are_20_ms_of_the_sound_and_20_ms_apart() -> None:
    frames = read(opened(FakeAlsa()), 50)
    assert {len(frame.samples) for frame in frames} == {1920}
    assert set(steps(frames)) == {FRAME_NS}
    rises = list(crossings(b"".join(frame.samples for frame in frames)))
    assert len(rises) == pytest.approx(440, abs=1)


def test_the_capture_time_is_that_of_the_first_sample() -> None:
    alsa = FakeAlsa()
    frame = opened(alsa).read()
    assert frame.captured_ns - START == pytest.approx(100 * MS, abs=MS)
    assert alsa.clock.monotonic_ns() - frame.captured_ns == pytest.approx(FRAME_NS, abs=MS)


@pytest.mark.parametrize(
    ("card", "channels"),
    [
        (FakeCard(rates=(44_100,)), 1),
        (FakeCard(rates=(16_000,), channels=(1,)), 2),
        (FakeCard(channels=(2,)), 1),
        (FakeCard(formats=("S32_LE",), channels=(2,)), 2),
        (FakeCard(formats=("FLOAT_LE", "S24_3LE"), channels=(6,)), 1),
        (FakeCard(formats=("S24_LE",), rates=(96_000,), channels=(4,)), 2),
    ],
)
def test_what_the_card_does_is_adapted(card: FakeCard, channels: int) -> None:
    alsa = FakeAlsa(card)
    frames = read(opened(alsa, channels), 60)
    assert {(len(frame.samples), frame.channels) for frame in frames} == {(1920 * channels, channels)}
    assert set(steps(frames)) == {FRAME_NS}
    signal = values(b"".join(frame.samples for frame in frames[5:]))[::channels]
    assert len([1 for a, b in pairwise(signal) if a < 0 <= b]) == pytest.approx(440 * 1.1, abs=2)
    assert max(signal) == pytest.approx(10_000, rel=0.02)
    assert card.opened == 1


def test_a_card_without_a_usable_format_is_refused_with_a_remedy() -> None:
    alsa = FakeAlsa(FakeCard(formats=("FLOAT_LE",)))
    with pytest.raises(SourceUnavailable, match=r"FLOAT_LE.* of no use.*plughw:CARD=Webcam,DEV=0"):
        make(alsa).open()
    assert alsa.card.opened == 0


@pytest.mark.parametrize("ppm", [-300, 300])
@pytest.mark.parametrize("has_stamps", [True, False])
def test_drift_is_corrected_by_single_samples(ppm: float, has_stamps: bool) -> None:
    alsa = FakeAlsa(FakeCard(ppm=ppm, has_stamps=has_stamps, rates=(48_000,)))
    source = opened(alsa)
    frames = read(source, 60 * 50)
    assert set(steps(frames)) == {FRAME_NS}
    age_ms = (alsa.clock.monotonic_ns() - frames[-1].captured_ns) / MS
    assert 15 < age_ms < 45, "uncorrected it would be 18 ms more or less"
    captured = alsa.pcms[0].total
    delivered = (len(frames) + 5) * 960
    assert delivered - captured == pytest.approx(-60 * 48_000 * ppm * 1e-6, abs=1000)


def test_an_overrun_is_counted_and_its_gap_is_in_the_times(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "lkedge_alsa")
    alsa = FakeAlsa()
    source = opened(alsa)
    before = read(source, 20)
    assert isinstance(alsa.clock, ManualClock)
    alsa.clock.now_ns += 700 * MS

    after = read(source, 20)

    (gap,) = [step for step in steps([*before[-1:], *after]) if step != FRAME_NS]
    assert gap == pytest.approx(700 * MS + FRAME_NS, abs=25 * MS)
    assert alsa.clock.monotonic_ns() - after[-1].captured_ns == pytest.approx(FRAME_NS, abs=3 * MS)
    told = [record.getMessage() for record in caplog.records if "overrun" in record.getMessage()]
    assert len(told) == 1
    assert "overrun 1, 700 ms of sound lost" in told[0]


def test_a_pause_that_the_buffer_covers_loses_nothing() -> None:
    alsa = FakeAlsa()
    source = opened(alsa)
    before = read(source, 5)
    assert isinstance(alsa.clock, ManualClock)
    alsa.clock.now_ns += 120 * MS
    assert set(steps([*before, *read(source, 20)])) == {FRAME_NS}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"error": "No such device"}, "was unplugged"),
        ({"error": "Input/output error"}, "failed while capturing: Input/output error"),
        ({"is_silent": True}, "no sound for 1 s"),
        ({"is_silent": True, "state": FakeAlsa.PCM_STATE_DISCONNECTED}, "no sound for 1 s|unplugged"),
    ],
)
def test_a_card_that_goes_is_lost(change: dict[str, Any], words: str) -> None:
    alsa = FakeAlsa()
    source = opened(alsa, stall_after=1.0)
    read(source, 3)
    for name, value in change.items():
        setattr(alsa.card, name, value)
    with pytest.raises(SourceLost, match=words):
        read(source, 3)
    source.close()
    assert alsa.card.opened == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("No such device", "no such sound device; is it plugged in"),
        ("Device or resource busy", "another program uses it"),
        ("Permission denied", "group audio"),
    ],
)
def test_a_card_that_cannot_be_opened(error: str, words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words):
        make(FakeAlsa(FakeCard(open_error=error)), device="hw:CARD=Other").open()


def test_three_channels_are_refused() -> None:
    with pytest.raises(SourceUnavailable, match="3 channels"):
        make(FakeAlsa(), 3).open()


def test_the_gain_is_set_at_opening() -> None:
    mic = FakeMixer("Mic", 10)
    source = opened(FakeAlsa(FakeCard(mixers=[mic])), gain=80)
    assert mic.volume == 80
    assert [control.name for control in source.controls()] == ["mic_gain", "mic_mute"]
    source.set_control("mic_mute", True)
    assert mic.recording is False


def test_a_gain_that_is_not_there_is_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    opened(FakeAlsa(), gain=80)
    assert "has no gain" in caplog.text


def test_controls_of_a_closed_card() -> None:
    source = opened(FakeAlsa(FakeCard(mixers=[FakeMixer("Mic")])))
    source.close()
    assert source.controls() == ()
    with pytest.raises(SourceClosed):
        source.set_control("mic_gain", 1)


def test_close_from_another_thread_ends_a_read_that_waits() -> None:
    alsa = FakeAlsa(FakeCard(is_silent=True))
    source = opened(alsa, stall_after=60.0)
    thread = threading.Thread(target=source.close)
    pcm = alsa.pcms[0]
    plain, begun = pcm.polldescriptors_revents, threading.Event()

    def wait(descriptors: list[tuple[int, int]]) -> int:
        begun.set() or (thread.is_alive() or thread.start())  # type: ignore[func-returns-value]
        return plain(descriptors)

    pcm.polldescriptors_revents = wait  # type: ignore[method-assign]
    with pytest.raises(SourceClosed):
        source.read()
    thread.join(2)
    assert begun.is_set()
    assert pcm.is_closed


def test_opened_after_close_stays_closed() -> None:
    alsa = FakeAlsa()
    source = make(alsa)
    source.close()
    with pytest.raises(SourceClosed):
        source.open()
    assert alsa.card.opened == 0
