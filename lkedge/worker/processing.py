"""What happens to sound between source and encoder: at most one audio processor.

Sound is never lost for its processing: while there is no processor that works, it passes as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lkedge.clock import SECOND_NS
from lkedge.errors import PluginError
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import (
    AudioCaptureSettings,
    AudioFormat,
    AudioProcessor,
    AudioProcessorSettings,
    ProcessorRegistration,
)
from lkedge.worker.backoff import BackOff
from lkedge.worker.sentence import describe

logger = logging.getLogger(__name__)

TRUSTED_AFTER_FRAMES = 500
"""A processor that did so many frames (10 s) may fail again with the shortest delay."""


class Processing:
    """Holds the processor of one track. Belongs to the capture thread; `process` never raises.

    candidates: the highest rank first. Time is that of the frames.
    """

    def __init__(self, capture: AudioCaptureSettings, candidates: Sequence[ProcessorRegistration]) -> None:
        self._capture = capture
        self._candidates = candidates
        self._settings: AudioProcessorSettings | None = None
        self._processor: AudioProcessor | None = None
        self._back_off = BackOff()
        self._retry_ns = 0
        self._frames = 0
        self._last_reason = ""

    def opened(self, source_format: AudioFormat) -> None:
        """Another opening of the source: begin with a new processor.

        It is made before the first read: loading its library takes longer than a sound card can wait.
        """
        self.close()
        self._settings = wanted_processing(self._capture, source_format) if self._candidates else None
        self._retry_ns = 0
        if self._settings is not None:
            self._prepare(self._settings)

    def process(self, frame: AudioFrame) -> AudioFrame:
        """The frame as the processor returns it, or as it is."""
        if self._settings is None or frame.captured_ns < self._retry_ns:
            return frame
        try:
            return self._processed(frame, self._settings)
        except Exception as error:
            self._failed(error, frame.captured_ns)
            return frame

    def close(self) -> None:
        """Release the processor, if there is one."""
        processor, self._processor = self._processor, None
        if processor is None:
            return
        try:
            processor.close()
        except Exception as error:
            logger.warning("an audio processor failed while closing: %s", describe("it", error))

    def _prepare(self, settings: AudioProcessorSettings) -> None:
        try:
            self._processor = self._make(settings)
        except Exception as error:
            self._failed(error, 0)

    def _processed(self, frame: AudioFrame, settings: AudioProcessorSettings) -> AudioFrame:
        if self._processor is None:
            self._processor = self._make(settings)
        result = self._processor.process(frame)
        if len(result.samples) != len(frame.samples) or result.captured_ns != frame.captured_ns:
            raise PluginError(f"it made {len(result.samples)} bytes of {len(frame.samples)}, or moved them in time")
        self._frames += 1
        if self._frames == TRUSTED_AFTER_FRAMES:
            self._back_off.reset()
            self._last_reason = ""
        return result

    def _make(self, settings: AudioProcessorSettings) -> AudioProcessor:
        """The best that is usable here."""
        reasons = []
        for candidate in self._candidates:
            if reason := candidate.is_usable():
                reasons.append(f"{candidate.name}: {reason}")
                continue
            logger.info("sound is processed by %s", candidate.name)
            self._frames = 0
            return candidate.make(settings)
        raise PluginError(f"no audio processor is usable here: {'; '.join(reasons)}")

    def _failed(self, error: Exception, now_ns: int) -> None:
        self.close()
        self._retry_ns = now_ns + round(self._back_off.next_s() * SECOND_NS)
        reason = describe("audio processor", error)
        if reason != self._last_reason:
            self._last_reason = reason
            logger.warning("sound goes on unprocessed: %s", reason)


def wanted_processing(capture: AudioCaptureSettings, source_format: AudioFormat) -> AudioProcessorSettings | None:
    """What is to be done to the sound of this source; None for nothing."""
    by_default = source_format.is_microphone and source_format.codec is None
    gain, noise = capture.auto_gain_control, capture.noise_suppression
    settings = AudioProcessorSettings(
        channels=source_format.channels,
        echo_cancellation=bool(capture.echo_cancellation),
        noise_suppression=by_default if noise is None else noise,
        auto_gain_control=by_default if gain is None else gain,
        high_pass_filter=bool(capture.high_pass_filter),
    )
    return None if settings == AudioProcessorSettings(source_format.channels) else settings
