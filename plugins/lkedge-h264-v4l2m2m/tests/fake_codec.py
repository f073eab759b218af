"""What the fake encoder device makes of a picture: either something tiny to assert on, or real H.264."""

from __future__ import annotations

import ctypes
import zlib
from typing import Protocol

from lkedge.builtin.x264 import X264Encoder
from lkedge.media.frame import Plane, VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid

SPS, PPS, IDR, SLICE = b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80", b"\x65", b"\x41"
START = b"\0\0\0\1"


class FakeCodec(Protocol):
    """i420: the visible picture, contiguous. Returns NAL units without start codes."""

    def encode(self, i420: bytes, *, is_key: bool, bitrate: int, framerate: float) -> list[bytes]: ...


class ToyCodec:
    """The checksum of the picture is its payload."""

    def __init__(self, width: int, height: int) -> None:
        self.bitrates: list[int] = []

    def encode(self, i420: bytes, *, is_key: bool, bitrate: int, framerate: float) -> list[bytes]:
        self.bitrates.append(bitrate)
        payload = checksum(i420)
        return [SPS, PPS, IDR + payload] if is_key else [SLICE + payload]


class X264Codec:
    """Counts pictures, as drivers do."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._encoder: X264Encoder | None = None
        self._now_ns = 1_000_000_000
        self._told = (0, 0.0)

    def encode(self, i420: bytes, *, is_key: bool, bitrate: int, framerate: float) -> list[bytes]:
        if self._encoder is None:
            self._encoder = self._opened(bitrate, framerate)
        elif self._told != (bitrate, framerate):
            self._encoder.set_rate(BitsPerSecond(bitrate), framerate)
        self._told = (bitrate, framerate)
        self._now_ns += round(1e9 / framerate)
        encoded = self._encoder.encode(as_frame(i420, self._width, self._height, self._now_ns), key_frame=is_key)
        assert encoded is not None
        return units(encoded.data)

    def _opened(self, bitrate: int, framerate: float) -> X264Encoder:
        rates = (framerate, BitsPerSecond(bitrate), BitsPerSecond(4 * bitrate))
        return X264Encoder(VideoEncoderSettings(Codec.H264, Rid(""), self._width, self._height, *rates))


def checksum(i420: bytes) -> bytes:
    """As hexadecimal digits, so that no start code can appear."""
    return f"{zlib.crc32(i420):08x}".encode()


def as_frame(i420: bytes, width: int, height: int, captured_ns: int) -> VideoFrame:
    """Contiguous I420 as a picture."""
    memory = ctypes.create_string_buffer(i420, len(i420))
    start, luma, half = ctypes.addressof(memory), width * height, width // 2
    planes = (Plane(start, width), Plane(start + luma, half), Plane(start + luma + half * (height // 2), half))
    return VideoFrame(width, height, "yuv420p", planes, captured_ns, memory)


def units(data: bytes) -> list[bytes]:
    """The NAL units of an Annex-B stream."""
    return [part.rstrip(b"\0") for part in data.split(b"\0\0\1")[1:]]


def annex_b(nal_units: list[bytes]) -> bytes:
    return b"".join(START + unit for unit in nal_units)
