from __future__ import annotations

import pytest

from lkedge.clock import MILLISECOND_NS
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import (
    AudioCaptureSettings,
    AudioFormat,
    AudioProcessor,
    AudioProcessorSettings,
    ProcessorRegistration,
)
from lkedge.terms import Codec
from lkedge.worker.processing import Processing, wanted_processing

MICROPHONE = AudioFormat(1, is_microphone=True)
FRAME_NS = 20 * MILLISECOND_NS


def frame(number: int = 1) -> AudioFrame:
    return AudioFrame(b"\x01\x00" * 960, 1, number * FRAME_NS)


class Louder(AudioProcessor):
    """Doubles every sample; raises `error` when set."""

    def __init__(self, settings: AudioProcessorSettings) -> None:
        self.settings = settings
        self.error: Exception | None = None
        self.length = 960
        self.is_closed = False

    def process(self, frame: AudioFrame) -> AudioFrame:
        if self.error:
            raise self.error
        return AudioFrame(b"\x02\x00" * self.length, frame.channels, frame.captured_ns)

    def close(self) -> None:
        self.is_closed = True


class Maker:
    def __init__(self, unusable: str = "") -> None:
        self.made: list[Louder] = []
        self.registration = ProcessorRegistration("louder", "doubles", self._make, is_usable=lambda: unusable)

    def _make(self, settings: AudioProcessorSettings) -> AudioProcessor:
        self.made.append(Louder(settings))
        return self.made[-1]


def opened(maker: Maker, source_format: AudioFormat = MICROPHONE) -> Processing:
    processing = Processing(AudioCaptureSettings(), [maker.registration])
    processing.opened(source_format)
    return processing


def test_a_plain_microphone_gets_gain_and_noise_suppression() -> None:
    assert wanted_processing(AudioCaptureSettings(), MICROPHONE) == AudioProcessorSettings(
        1, noise_suppression=True, auto_gain_control=True
    )


@pytest.mark.parametrize("source", [AudioFormat(2), AudioFormat(1, Codec.OPUS, is_microphone=True)])
def test_other_sources_get_nothing_unasked(source: AudioFormat) -> None:
    assert wanted_processing(AudioCaptureSettings(), source) is None


def test_what_is_said_is_done() -> None:
    capture = AudioCaptureSettings(2, True, False, False, True)
    assert wanted_processing(capture, AudioFormat(2, is_microphone=True)) == AudioProcessorSettings(
        2, echo_cancellation=True, high_pass_filter=True
    )


def test_it_is_made_before_the_first_frame() -> None:
    maker = Maker()
    opened(maker)
    assert len(maker.made) == 1


def test_frames_go_through_one_processor() -> None:
    maker = Maker()
    processing = opened(maker)
    assert [processing.process(frame(n)).samples[0] for n in (1, 2)] == [2, 2]
    assert len(maker.made) == 1


def test_without_processors_sound_passes_as_it_is() -> None:
    processing = Processing(AudioCaptureSettings(noise_suppression=True), [])
    processing.opened(MICROPHONE)
    same = frame()
    assert processing.process(same) is same


def test_a_new_opening_makes_a_new_processor_for_its_channels() -> None:
    maker = Maker()
    processing = opened(maker)
    processing.process(frame())
    processing.opened(AudioFormat(2, is_microphone=True))
    processing.process(frame())
    assert maker.made[0].is_closed
    assert [made.settings.channels for made in maker.made] == [1, 2]


def test_one_that_raises_is_made_anew_after_a_while_and_sound_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    maker = Maker()
    processing = opened(maker)
    processing.process(frame(1))
    maker.made[0].error = RuntimeError("boom")

    heard = [processing.process(frame(n)).samples[0] for n in range(2, 14)]

    assert heard == [1] * 10 + [2] * 2
    assert maker.made[0].is_closed
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "sound goes on unprocessed: audio processor: RuntimeError: boom"
    ]


def test_one_that_returns_too_little_is_not_trusted() -> None:
    maker = Maker()
    processing = opened(maker)
    processing.process(frame(1))
    maker.made[0].length = 480
    assert processing.process(frame(2)) == frame(2)


def test_the_first_usable_one_is_taken() -> None:
    unusable, usable = Maker("no library"), Maker()
    processing = Processing(AudioCaptureSettings(), [unusable.registration, usable.registration])
    processing.opened(MICROPHONE)
    assert processing.process(frame()).samples[0] == 2
    assert unusable.made == []


def test_none_usable_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    processing = opened(Maker("pip install it"))
    for number in range(100):
        assert processing.process(frame(number)) == frame(number)
    assert [record.getMessage() for record in caplog.records] == [
        "sound goes on unprocessed: no audio processor is usable here: louder: pip install it"
    ]


def test_close_releases_it_once() -> None:
    maker = Maker()
    processing = opened(maker)
    processing.process(frame())
    processing.close()
    processing.close()
    assert maker.made[0].is_closed
