# lkedge: pure
"""The three kinds of frame: raw picture, raw sound, encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from lkedge.terms import Codec, Rid


class Plane(NamedTuple):
    """One plane of a picture in memory.

    pointer: address of the first byte of the first row.
    stride: bytes from one row to the next.
    """

    pointer: int
    stride: int


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One raw picture.

    width, height: in pixels, both even.
    pixel_format: FFmpeg's name: "yuv420p", "nv12", "yuyv422", "rgb24", ...
    planes: as many as the format has; valid while this object lives.
    captured_ns: CLOCK_MONOTONIC when the picture was taken.
    owner: whatever keeps the memory alive: an av.VideoFrame, an mmap buffer, an array.
        Nobody writes to it after hand-over; dropping the last reference releases it.
    renditions: the same picture in smaller sizes, when the hardware delivers them too, any
        order; layers are scaled from the smallest one that is large enough.
    dmabuf: descriptor of the same memory as a DMABUF for hardware encoders; -1 when there is none.
    """

    width: int
    height: int
    pixel_format: str
    planes: tuple[Plane, ...]
    captured_ns: int
    owner: Any
    renditions: tuple[VideoFrame, ...] = ()
    dmabuf: int = -1


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """20 ms of sound: 960 samples per channel at 48 kHz.

    samples: signed 16-bit native-endian, channels interleaved.
    channels: 1 or 2.
    captured_ns: CLOCK_MONOTONIC of the first sample. Consecutive frames are exactly
        20 ms apart; a gap in the capture is a larger step.
    reference: what a loudspeaker played in these 20 ms, one channel, for echo cancellation; b"" when unknown.
    """

    samples: bytes
    channels: int
    captured_ns: int
    reference: bytes = b""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One compressed picture or 20 ms of compressed sound.

    codec: of `data`: VP8 one frame; H.264 one access unit in Annex-B, SPS and PPS before
        every IDR; Opus one packet.
    rid: the layer it belongs to; "" for audio and for a track without rids.
    captured_ns: CLOCK_MONOTONIC, unchanged from the raw frame: all layers of one picture
        carry the same value.
    is_key: can be decoded without any earlier frame. True for audio.
    width, height: of the coded picture; 0 for audio.
    audio_level: 0 (loudest) to 127 (silence), -dBov (RFC 6464); 127 for video.
    has_voice: the first packet after silence sets the RTP marker from this (RFC 7587).
    """

    codec: Codec
    rid: Rid
    data: bytes
    captured_ns: int
    is_key: bool = True
    width: int = 0
    height: int = 0
    audio_level: int = 127
    has_voice: bool = True
