"""WebRTC's audio processing module on frames of 20 ms, each as two of 10 ms, which is all that it takes.

It runs in the worker: its native library has 20 MB. It delays sound by up to 7 ms at 48 kHz (its band filters); the
capture times are left as they are, since that is below what anybody sees against a picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from livekit.rtc.apm import AudioProcessingModule
from livekit.rtc.audio_frame import AudioFrame as Buffer

from lkedge.errors import LkedgeError
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioProcessor, AudioProcessorSettings

SAMPLE_RATE = 48_000
PART_SAMPLES = 480

ECHO_DELAY_MS = 0
"""A first guess only: WebRTC finds the delay between loudspeaker and microphone itself."""


class ApmProcessor(AudioProcessor):
    """One module, with the memory of the sound that it has heard."""

    def __init__(self, settings: AudioProcessorSettings) -> None:
        self._channels = settings.channels
        self._cancels_echo = settings.echo_cancellation
        self._module: AudioProcessingModule | None = AudioProcessingModule(
            echo_cancellation=settings.echo_cancellation,
            noise_suppression=settings.noise_suppression,
            high_pass_filter=settings.high_pass_filter,
            auto_gain_control=settings.auto_gain_control,
        )

    def process(self, frame: AudioFrame) -> AudioFrame:
        module = self._module
        if module is None:
            raise LkedgeError("apm: it is closed")
        references = _parts(frame.reference, 1) if self._cancels_echo else iter(())
        processed = b"".join(
            self._part(module, part, next(references, None)) for part in _parts(frame.samples, self._channels)
        )
        return AudioFrame(processed, frame.channels, frame.captured_ns)

    def close(self) -> None:
        self._module = None

    def _part(self, module: AudioProcessingModule, part: bytearray, reference: bytearray | None) -> bytes:
        """10 ms, processed in place."""
        if reference is not None:
            module.process_reverse_stream(Buffer(reference, SAMPLE_RATE, 1, PART_SAMPLES))
            module.set_stream_delay_ms(ECHO_DELAY_MS)
        buffer = Buffer(part, SAMPLE_RATE, self._channels, PART_SAMPLES)
        module.process_stream(buffer)
        return bytes(buffer.data)


def _parts(samples: bytes, channels: int) -> Iterator[bytearray]:
    """Copies: the module writes into what it is given, and a frame is nobody's to write to."""
    size = PART_SAMPLES * channels * 2
    return (bytearray(samples[begin : begin + size]) for begin in range(0, len(samples), size))
