"""What every audio processor must do. A plugin's test file subclasses this and makes its processor.

class TestMyProcessor(AudioProcessorContract):
    def make_processor(self, settings):
        return MyProcessor(settings)
"""

from __future__ import annotations

import array
import math
import random
from collections.abc import Iterator

import pytest

from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioProcessor, AudioProcessorSettings

FRAME_SAMPLES = 960
FRAME_NS = 20 * MILLISECOND_NS
FRAMES = 50


class AudioProcessorContract:
    """Run with each setting alone, with all, and with none; for one channel and for two."""

    def make_processor(self, settings: AudioProcessorSettings) -> AudioProcessor:
        raise NotImplementedError

    @pytest.fixture(params=[1, 2], ids=["mono", "stereo"])
    def channels(self, request: pytest.FixtureRequest) -> int:
        return int(request.param)

    @pytest.fixture(params=["none", "echo_cancellation", "noise_suppression", "auto_gain_control", "high_pass_filter"])
    def processor(self, request: pytest.FixtureRequest, channels: int) -> Iterator[AudioProcessor]:
        wanted = {} if request.param == "none" else {request.param: True}
        processor = self.make_processor(AudioProcessorSettings(channels, **wanted))
        yield processor
        processor.close()

    def test_a_frame_keeps_its_length_channels_and_time(self, processor: AudioProcessor, channels: int) -> None:
        for frame in sound(channels):
            result = processor.process(frame)
            assert len(result.samples) == len(frame.samples)
            assert (result.channels, result.captured_ns) == (frame.channels, frame.captured_ns)

    def test_the_frame_that_it_is_given_is_not_written_to(self, processor: AudioProcessor, channels: int) -> None:
        for frame in sound(channels):
            before = bytes(bytearray(frame.samples))
            processor.process(frame)
            assert frame.samples == before, "the processor wrote into a frame that is not its own"

    def test_silence_stays_quiet(self, processor: AudioProcessor, channels: int) -> None:
        for number in range(FRAMES):
            result = processor.process(frame_of(bytes(FRAME_SAMPLES * 2 * channels), channels, number))
        assert max(map(abs, array.array("h", result.samples))) < 100

    def test_a_gap_does_not_matter(self, processor: AudioProcessor, channels: int) -> None:
        frames = list(sound(channels))
        for frame in (frames[0], frames[40], frames[41]):
            assert processor.process(frame).captured_ns == frame.captured_ns

    def test_frames_with_and_without_a_reference_are_taken(self, processor: AudioProcessor, channels: int) -> None:
        for number, frame in enumerate(sound(channels)):
            reference = bytes(FRAME_SAMPLES * 2) if number % 2 else b""
            processor.process(AudioFrame(frame.samples, channels, frame.captured_ns, reference))

    def test_may_be_closed_any_number_of_times(self, channels: int) -> None:
        processor = self.make_processor(AudioProcessorSettings(channels, noise_suppression=True))
        processor.close()
        processor.close()

    def test_all_at_once(self, channels: int) -> None:
        processor = self.make_processor(AudioProcessorSettings(channels, True, True, True, True))
        for frame in sound(channels):
            assert len(processor.process(frame).samples) == len(frame.samples)
        processor.close()


def sound(channels: int) -> Iterator[AudioFrame]:
    """A second of tone and noise."""
    chance = random.Random(1)
    step = 2 * math.pi * 300 / 48_000
    for number in range(FRAMES):
        values = array.array("h")
        for index in range(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES):
            value = round(4000 * math.sin(step * index) + chance.gauss(0, 400))
            values.extend([value] * channels)
        yield frame_of(values.tobytes(), channels, number)


def frame_of(samples: bytes, channels: int, number: int) -> AudioFrame:
    """The frame that begins `number` frames after the first."""
    return AudioFrame(samples, channels, SECOND_NS + number * FRAME_NS)


__all__ = ["AudioProcessorContract"]
