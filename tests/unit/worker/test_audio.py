from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from lkedge.errors import EncoderError
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import (
    AudioEncoder,
    AudioEncoderSettings,
    AudioFormat,
    AudioProcessor,
    AudioProcessorSettings,
    AudioSource,
    EncoderRegistration,
    ProcessorRegistration,
)
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.audio import AudioPipeline
from lkedge.worker.events import EncoderFailed, EncoderOpened
from lkedge.worker.spec import AudioPlan, AudioWorkerSpec

ACTIVE = AudioPlan(True, BitsPerSecond(32_000))


class FakeLink:
    def __init__(self) -> None:
        self.frames: list[EncodedFrame] = []
        self.events: list[Any] = []
        self.dropped = 0

    def send_frames(self, frames: list[EncodedFrame], *, may_wait: bool) -> bool:
        assert not may_wait
        self.frames += frames
        return True

    def send(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Of no interest here."""


class Encoder(AudioEncoder):
    def __init__(self, settings: AudioEncoderSettings) -> None:
        self.settings = settings
        self.rates: list[int] = []
        self.error: Exception | None = None
        self.is_closed = False

    def encode(self, frame: AudioFrame) -> EncodedFrame | None:
        if self.error:
            raise self.error
        return EncodedFrame(Codec.OPUS, Rid(""), b"x", frame.captured_ns) if any(frame.samples) else None

    def set_rate(self, bitrate: BitsPerSecond) -> None:
        self.rates.append(bitrate)

    def close(self) -> None:
        self.is_closed = True


class Track:
    """A pipeline whose frames are handed in by the test; its thread never starts."""

    def __init__(self, processors: Sequence[ProcessorRegistration] = ()) -> None:
        self.link = FakeLink()
        self.encoders: list[Encoder] = []
        candidates = [EncoderRegistration("fake", Codec.OPUS, "", audio=self._make)]
        self.pipeline = AudioPipeline(
            AudioWorkerSpec("mic", "tone"),
            cast(Any, self.link),
            make_source=self._no_source,
            candidates=candidates,
            processors=processors,
        )
        self.count = 0

    def deliver(self, samples: bytes = b"\x01" * 1920) -> None:
        self.count += 1
        self.pipeline._deliver(AudioFrame(samples, 1, self.count * 20_000_000))

    def _make(self, settings: AudioEncoderSettings) -> AudioEncoder:
        self.encoders.append(Encoder(settings))
        return self.encoders[-1]

    def _no_source(self) -> AudioSource:
        raise AssertionError("the thread does not run")


def test_nothing_is_encoded_before_an_active_plan() -> None:
    track = Track()
    track.deliver()
    assert track.encoders == []
    track.pipeline.apply(ACTIVE)
    track.deliver()
    assert len(track.link.frames) == 1
    assert track.link.events == [EncoderOpened(Rid(""), "fake")]
    assert track.encoders[0].settings.bitrate == 32_000


def test_bitrate_changes_on_the_open_encoder() -> None:
    track = Track()
    for bitrate in (32_000, 32_000, 20_000):
        track.pipeline.apply(AudioPlan(True, BitsPerSecond(bitrate)))
        track.deliver()
    assert len(track.encoders) == 1
    assert track.encoders[0].rates == [20_000]


def test_silence_that_dtx_swallows_sends_nothing() -> None:
    track = Track()
    track.pipeline.apply(ACTIVE)
    track.deliver(bytes(1920))
    assert track.link.frames == []


def test_encoder_has_the_channels_of_the_source() -> None:
    track = Track()
    track.pipeline.apply(ACTIVE)
    track.deliver()
    track.pipeline._opened(AudioFormat(2))
    track.deliver()
    assert [encoder.settings.channels for encoder in track.encoders] == [1, 2]
    assert track.encoders[0].is_closed


def test_failing_encoder_is_rebuilt_then_reported() -> None:
    track = Track()
    track.pipeline.apply(ACTIVE)
    for _ in range(2):
        track.deliver()
        track.encoders[-1].error = EncoderError("no")
        track.deliver()
    assert track.link.events[-1] == EncoderFailed(Rid(""), "fake", "encoder fake: no")
    track.deliver()
    assert len(track.encoders) == 2


def test_encoded_sound_is_passed_through() -> None:
    track = Track()
    frame = EncodedFrame(Codec.OPUS, Rid(""), b"opus", 1)
    track.pipeline._deliver(frame)
    track.pipeline.apply(ACTIVE)
    track.pipeline._deliver(frame)
    assert track.link.frames == [frame]
    assert track.encoders == []


def test_pictures_are_refused() -> None:
    with pytest.raises(Exception, match="delivers pictures"):
        Track().pipeline._deliver(VideoFrame(2, 2, "yuv420p", (), 1, None))


class Silencer(AudioProcessor):
    def __init__(self, settings: AudioProcessorSettings) -> None:
        self.settings = settings

    def process(self, frame: AudioFrame) -> AudioFrame:
        return AudioFrame(bytes(len(frame.samples)), frame.channels, frame.captured_ns)

    def close(self) -> None:
        pass


def test_sound_of_a_microphone_is_processed_before_it_is_encoded() -> None:
    track = Track([ProcessorRegistration("silencer", "", Silencer)])
    track.pipeline.apply(ACTIVE)
    track.pipeline._opened(AudioFormat(1))
    track.deliver()
    track.pipeline._opened(AudioFormat(1, is_microphone=True))
    track.deliver()
    assert len(track.link.frames) == 1
