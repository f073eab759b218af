"""Sound of a media file: decoded to frames of 20 ms, or its Opus packets as they are."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from av.audio.resampler import AudioResampler

from lkedge.builtin.file_container import FileStream
from lkedge.clock import MILLISECOND_NS
from lkedge.errors import SourceUnavailable
from lkedge.media.frame import AudioFrame, EncodedFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import AudioFormat
from lkedge.terms import Codec

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
FRAME_NS = 20 * MILLISECOND_NS
BYTES_PER_SAMPLE = 2

ASSUMED_LEVEL = 30
"""The audio level that a passed-through packet with sound claims: nobody decoded it to know."""

SILENT_BYTES = 8
"""Opus packets up to this size hold silence or comfort noise."""


class DecodedAudio:
    """Frames of exactly 20 ms, over the end of the file into its beginning."""

    def __init__(self, file: FileStream, channels: int) -> None:
        self._file = file
        self.format = AudioFormat(channels)
        layout = "mono" if channels == 1 else "stereo"
        self._resampler = AudioResampler("s16", layout, SAMPLE_RATE, frame_size=FRAME_SAMPLES)
        self._bytes = FRAME_SAMPLES * channels * BYTES_PER_SAMPLE
        self._running_ns = -FRAME_NS
        self._frames = self._resampled()

    def read(self) -> tuple[int, Callable[[int], AudioFrame]]:
        """The running time of the next frame, and what makes it. Raises as FileStream.passes, and SourceEnded."""
        samples = next(self._frames, None)
        if samples is None:
            raise self._file.ended()
        self._running_ns += FRAME_NS
        return self._running_ns, lambda captured_ns: AudioFrame(samples, self.format.channels, captured_ns)

    def close(self) -> None:
        self._frames.close()
        self._file.close()

    def _resampled(self) -> Generator[bytes, None, None]:
        for frames in self._file.decoded_passes():
            for frame in frames:
                frame.pts = None
                for part in self._resampler.resample(frame):
                    yield bytes(part.planes[0])[: self._bytes]


class EncodedAudio:
    """The file's own Opus packets of 20 ms."""

    def __init__(self, file: FileStream) -> None:
        self._file = file
        self.format = AudioFormat(min(2, file.context.channels), Codec.OPUS)
        self._running_ns = -FRAME_NS
        self._packets = self._all_packets()

    def read(self) -> tuple[int, Callable[[int], EncodedFrame]]:
        """As DecodedAudio.read."""
        data = next(self._packets, None)
        if data is None:
            raise self._file.ended()
        self._running_ns += FRAME_NS
        return self._running_ns, lambda captured_ns: _encoded(data, captured_ns)

    def close(self) -> None:
        self._packets.close()
        self._file.close()

    def _all_packets(self) -> Generator[bytes, None, None]:
        for packets in self._file.passes():
            for packet in packets:
                yield bytes(packet)


def open_audio(file: FileStream, channels: int, passthrough: str) -> tuple[DecodedAudio | EncodedAudio, str]:
    """How this file is played, and why it is not passed through ("" when it is, or need not be).

    Raises:
        SourceUnavailable: "always", but it is not possible.
    """
    is_opus = file.codec_name in ("opus", "libopus")
    if passthrough == "never" or (passthrough == "auto" and not is_opus):
        return DecodedAudio(file, channels), ""
    obstacle = _obstacle(file) if is_opus else f"it is {file.codec_name}, not Opus"
    if not obstacle:
        return EncodedAudio(file), ""
    if passthrough == "always":
        raise SourceUnavailable(f'{file.path} cannot be passed through: {obstacle}; set passthrough = "auto"')
    return DecodedAudio(file, channels), obstacle


def opus_duration_us(packet: bytes) -> int:
    """How long an Opus packet lasts, from its first bytes (RFC 6716, section 3.1); 0 for an empty one."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame_us = (10_000, 20_000, 40_000, 60_000)[config & 3]
    elif config < 16:
        frame_us = (10_000, 20_000)[config & 1]
    else:
        frame_us = (2_500, 5_000, 10_000, 20_000)[config & 3]
    counts = {0: 1, 1: 2, 2: 2, 3: packet[1] & 63 if len(packet) > 1 else 0}
    return frame_us * counts[code]


def _obstacle(file: FileStream) -> str:
    if file.context.channels > 2:
        return f"it has {file.context.channels} channels"
    durations = {opus_duration_us(bytes(packet)) for packet in file.probe()}
    if durations != {20_000}:
        return f"its packets last {', '.join(f'{us / 1000:g}' for us in sorted(durations))} ms, not 20"
    return ""


def _encoded(data: bytes, captured_ns: int) -> Any:
    is_silent = len(data) <= SILENT_BYTES
    return EncodedFrame(
        Codec.OPUS, NO_RID, data, captured_ns, audio_level=127 if is_silent else ASSUMED_LEVEL, has_voice=not is_silent
    )
