"""Pictures, sound and decoders for the encoder contracts. Deterministic, and without numpy."""

from __future__ import annotations

import array
import ctypes
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from operator import mul, sub
from typing import Any

import av

from lkedge.builtin.picture import allocate_i420, plane_rows
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoder
from lkedge.terms import Codec

FRAME_NS = 33_333_333
AUDIO_FRAME_NS = 20_000_000
START_NS = 1_000_000_000

BAND_ROWS = 12
"""Rows that move together; neighbouring bands move at different speeds."""

FLASH_ROWS = 4
"""Rows at the top that are lighter in every other picture, to tell neighbours apart."""

SAMPLED_ROWS = 3
"""Every so many rows enter a PSNR."""

H264_IDR, H264_SPS, H264_PPS = 5, 7, 8


def moving_picture(width: int, height: int, index: int, *, framerate: float = 30) -> VideoFrame:
    """Picture `index` of an endless clip whose bands drift apart: work for any rate control."""
    frame = allocate_i420(width, height, START_NS + round(index * 1e9 / framerate))
    texture = _texture(width)
    jumps = random.Random(index)
    for row in range(height):
        band = row // BAND_ROWS
        shift = (index * (band % 5 + 1) + (jumps.randrange(4) if row % BAND_ROWS == 0 else 0)) % width
        _write(frame.planes[0].pointer + row * frame.planes[0].stride, texture[(row // 2) % 64], shift, width)
    _flash(frame, index)
    for plane, rows in zip(frame.planes[1:], plane_rows(frame)[1:], strict=True):
        ctypes.memset(plane.pointer, 128, plane.stride * rows)
    return frame


@cache
def clip(width: int, height: int, number: int) -> tuple[VideoFrame, ...]:
    """The first pictures of `moving_picture`, made once."""
    return tuple(moving_picture(width, height, index) for index in range(number))


def endless(pictures: Sequence[VideoFrame], framerate: float, *, step: int = 1, start: int = 0) -> Iterator[VideoFrame]:
    """The pictures there and back for ever, every `step`th, with capture times of their own."""
    turn = 2 * len(pictures) - 2
    for index in count(start, step):
        place = index % turn
        captured_ns = START_NS + round(index * 1e9 / framerate)
        yield replace(pictures[min(place, turn - place)], captured_ns=captured_ns)


def encode(encoder: VideoEncoder, pictures: Iterator[VideoFrame], number: int) -> Iterator[EncodedFrame]:
    """What becomes of the next pictures; the dropped ones are left out."""
    for _ in range(number):
        if frame := encoder.encode(next(pictures), key_frame=False):
            yield frame


def luma(frame: VideoFrame) -> bytes:
    """The luma of every third row."""
    pointer, stride = frame.planes[0]
    rows = range(0, frame.height, SAMPLED_ROWS)
    return b"".join(ctypes.string_at(pointer + row * stride, frame.width) for row in rows)


def psnr(one: bytes, other: bytes) -> float:
    """Peak signal-to-noise ratio of two lumas, in dB."""
    differences = list(map(sub, one, other))
    mean: float = sum(map(mul, differences, differences)) / len(differences)
    return 10 * math.log10(255 * 255 / max(mean, 1e-3))


class PictureDecoder:
    """Decodes one stream with PyAV, one thread, no delay added."""

    def __init__(self, codec: Codec) -> None:
        self._context: Any = av.CodecContext.create(codec.value, "r")
        self._context.thread_count = 1

    def decode(self, frame: EncodedFrame) -> list[tuple[int, int, bytes]]:
        """Width, height and sampled luma of the pictures that came out."""
        return [(picture.width, picture.height, _luma(picture)) for picture in self._context.decode(_packet(frame))]


class SoundDecoder:
    """Decodes Opus with PyAV."""

    def __init__(self, channels: int) -> None:
        self._context: Any = av.CodecContext.create("libopus", "r")
        self._context.sample_rate = 48_000
        self._context.layout = "stereo" if channels == 2 else "mono"
        self._resampler = av.AudioResampler("s16p", self._context.layout, 48_000)

    def decode(self, frame: EncodedFrame) -> list[array.array[int]]:
        """The samples of each channel, joined."""
        channels: list[array.array[int]] = [array.array("h") for _ in self._context.layout.channels]
        for decoded in self._context.decode(_packet(frame)):
            for sound in self._resampler.resample(decoded):
                for channel, plane in zip(channels, sound.planes, strict=True):
                    channel.frombytes(bytes(plane)[: 2 * sound.samples])
        return channels


def tone(index: int, *, channels: int = 1, hertz: float = 440, amplitude: float = 0.25) -> AudioFrame:
    """20 ms of a steady tone; in stereo the right channel is silent."""
    step = 2 * math.pi * hertz / 48_000
    left = [round(32_767 * amplitude * math.sin(step * (index * 960 + sample))) for sample in range(960)]
    samples = left if channels == 1 else [value for sample in left for value in (sample, 0)]
    return AudioFrame(array.array("h", samples).tobytes(), channels, START_NS + index * AUDIO_FRAME_NS)


def silence(index: int, *, channels: int = 1) -> AudioFrame:
    return AudioFrame(bytes(1920 * channels), channels, START_NS + index * AUDIO_FRAME_NS)


def energy(samples: Sequence[int]) -> float:
    """Mean square."""
    total: float = sum(map(mul, samples, samples))
    return total / max(1, len(samples))


def is_key_frame(frame: EncodedFrame) -> bool:
    """Whether the bits say so (RFC 6386, section 9.1; H.264, 7.4.1)."""
    if frame.codec is Codec.VP8:
        return frame.data[0] & 1 == 0
    return H264_IDR in nal_types(frame.data)


def nal_types(data: bytes) -> list[int]:
    """NAL unit types of an Annex-B access unit (H.264, B.1)."""
    return [part[0] & 31 for part in data.split(b"\x00\x00\x01")[1:] if part]


@cache
def _texture(width: int) -> tuple[bytes, ...]:
    """Rows of soft noise around middle grey, twice as long as a picture is wide."""
    noise = random.Random(width)
    return tuple(_soft_row(noise, 2 * width) for _ in range(64))


def _soft_row(noise: random.Random, length: int) -> bytes:
    values = [noise.randrange(70, 190) for _ in range(length // 8 + 2)]
    return bytes((values[i // 8] * (8 - i % 8) + values[i // 8 + 1] * (i % 8)) // 8 for i in range(length))


def _write(pointer: int, row: bytes, shift: int, width: int) -> None:
    ctypes.memmove(pointer, row[shift : shift + width], width)


def _flash(frame: VideoFrame, index: int) -> None:
    pointer, stride = frame.planes[0]
    ctypes.memset(pointer, 200 if index % 2 else 60, stride * FLASH_ROWS)


def _packet(frame: EncodedFrame) -> Any:
    return av.Packet(frame.data)


def _luma(picture: Any) -> bytes:
    plane = picture.planes[0]
    rows = range(0, picture.height, SAMPLED_ROWS)
    return b"".join(ctypes.string_at(plane.buffer_ptr + row * plane.line_size, picture.width) for row in rows)
