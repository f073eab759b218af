"""The contract of audio processors on one that keeps it, and on some that break it."""

from __future__ import annotations

import array

import pytest

from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioProcessor, AudioProcessorSettings
from lkedge.testing.processor_contract import AudioProcessorContract


class Halved(AudioProcessor):
    """Makes sound half as loud."""

    def __init__(self, settings: AudioProcessorSettings) -> None:
        self.settings = settings

    def process(self, frame: AudioFrame) -> AudioFrame:
        halved = array.array("h", [value // 2 for value in array.array("h", frame.samples)])
        return AudioFrame(halved.tobytes(), frame.channels, frame.captured_ns)

    def close(self) -> None:
        pass


class Shortened(Halved):
    def process(self, frame: AudioFrame) -> AudioFrame:
        return AudioFrame(frame.samples[:-2], frame.channels, frame.captured_ns)


class Late(Halved):
    def process(self, frame: AudioFrame) -> AudioFrame:
        return AudioFrame(frame.samples, frame.channels, frame.captured_ns + 1)


class Humming(Halved):
    def process(self, frame: AudioFrame) -> AudioFrame:
        return AudioFrame(b"\x00\x10" * (len(frame.samples) // 2), frame.channels, frame.captured_ns)


class TestHalved(AudioProcessorContract):
    def make_processor(self, settings: AudioProcessorSettings) -> AudioProcessor:
        return Halved(settings)


@pytest.mark.parametrize(
    ("test", "broken"),
    [
        ("test_a_frame_keeps_its_length_channels_and_time", Shortened),
        ("test_a_frame_keeps_its_length_channels_and_time", Late),
        ("test_a_gap_does_not_matter", Late),
        ("test_silence_stays_quiet", Humming),
    ],
)
def test_the_contract_fails_on_a_broken_processor(test: str, broken: type[Halved]) -> None:
    with pytest.raises(AssertionError):
        getattr(AudioProcessorContract(), test)(broken(AudioProcessorSettings()), 1)
