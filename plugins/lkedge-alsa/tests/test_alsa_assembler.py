from __future__ import annotations

from itertools import pairwise

import pytest
from lkedge_alsa.assembler import FrameAssembler

from lkedge.media.frame import AudioFrame

START = 7_000_000_001
FRAME_NS = 20_000_000


def popped(assembler: FrameAssembler) -> list[AudioFrame]:
    frames = []
    while (frame := assembler.pop()) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("portion", [1, 441, 960, 961, 5000])
def test_frames_are_960_samples_and_exactly_20_ms_apart(channels: int, portion: int) -> None:
    assembler = FrameAssembler(channels, START)
    sound = bytes(range(256)) * 8 * channels
    for _ in range(20_000 // portion):
        assembler.add((sound * 5)[: portion * 2 * channels])
    frames = popped(assembler)
    assert {len(frame.samples) for frame in frames} == {1920 * channels}
    assert frames[0].captured_ns == START
    assert {b.captured_ns - a.captured_ns for a, b in pairwise(frames)} == {FRAME_NS}


def test_nothing_is_lost_or_changed() -> None:
    assembler = FrameAssembler(1, START)
    sound = bytes(index % 251 for index in range(1920 * 3))
    for begin in range(0, len(sound), 100):
        assembler.add(sound[begin : begin + 100])
    assert b"".join(frame.samples for frame in popped(assembler)) == sound


def test_a_gap_between_frames_is_a_step_of_its_size() -> None:
    assembler = FrameAssembler(1, START)
    assembler.add(b"\x01\x01" * 960)
    assembler.skip(4800)
    assembler.add(b"\x01\x01" * 960)
    first, second = popped(assembler)
    assert second.captured_ns - first.captured_ns == FRAME_NS + 100_000_000
    assert 0 not in second.samples


def test_a_begun_frame_ends_in_silence_and_keeps_its_time() -> None:
    assembler = FrameAssembler(2, START)
    assembler.add(b"\x01\x01\x01\x01" * 480)
    assembler.skip(4800)
    assembler.add(b"\x01\x01\x01\x01" * 960)
    first, second = popped(assembler)
    assert first.samples == b"\x01" * 1920 + bytes(1920)
    assert second.captured_ns - first.captured_ns == FRAME_NS + (4800 - 480) * 1_000_000_000 // 48_000


def test_a_gap_within_a_frame_is_only_silence() -> None:
    assembler = FrameAssembler(1, START)
    assembler.add(b"\x01\x01" * 480)
    assembler.skip(10)
    assembler.add(b"\x01\x01" * (470 + 960))
    first, second = popped(assembler)
    assert first.samples[960:980] == bytes(20)
    assert 0 not in first.samples[980:]
    assert second.captured_ns - first.captured_ns == FRAME_NS
