"""H.264 with x264 through PyAV: constrained baseline, no delay, rate controlled while it runs.

x264 takes a new bitrate without a key frame when it was opened with a constant one, up to
the rate of its opening. It counts pictures, not time (real timestamps would cost it a
picture of delay), so the bitrate it is given is per nominal picture: twice as much while
half of the pictures come.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from lkedge.builtin.frame_interval import FrameInterval
from lkedge.builtin.picture import as_av, copy_i420
from lkedge.builtin.picture_size import SizeLimits, check_frame, check_rate, check_settings
from lkedge.builtin.rate_balance import RateBalance
from lkedge.clock import SECOND_NS
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec

LIMITS = SizeLimits(8_688, 36_864 * 256, "H.264 level 5.2, table A-1")

SMALL = 640 * 360
"""Up to so many pixels, blocks are split: in larger pictures that is 7 % of the time for 0.07 dB."""

CLOCK_RATE = 90_000
TIME_BASE = Fraction(1, CLOCK_RATE)

SLOWEST = 4
"""The bitrate holds while at least one of so many nominal pictures comes."""

BUFFER_S = 0.3
"""Seconds of the highest bitrate by which the sent amount may wander."""

RATE_STEP = 0.03
"""Change of the bitrate that is worth telling x264."""

LOWEST = 8_000
"""Bits per second; x264 counts in thousands."""

# Next to the preset: adaptive quantization costs 0.4 dB at this speed, and the baseline
# profile cannot use the weights that are searched for.
PARAMETERS = {
    "repeat-headers": 1,
    "annexb": 1,
    "scenecut": 0,
    "keyint": "infinite",
    "aq-mode": 0,
    "weightp": 0,
    "threads": 1,
    "sliced-threads": 0,
}


class X264Encoder(VideoEncoder):
    """One layer in H.264. Used by one thread."""

    pixel_formats = ("yuv420p",)

    def __init__(self, settings: VideoEncoderSettings) -> None:
        check_settings(settings, Codec.H264, LIMITS)
        self._settings = settings
        self._nominal_framerate = settings.framerate
        self._bitrate = settings.bitrate
        self._balance = RateBalance(settings.bitrate)
        self._interval = FrameInterval(settings.framerate)
        self._reused: av.VideoFrame | None = None
        self._count = 0
        self._ceiling = _ceiling(settings)
        self._context: Any = _open(settings, self._ceiling)
        self._apply_bitrate(SECOND_NS / settings.framerate)

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        self._check_open()
        check_frame(frame, self._settings, self.pixel_formats)
        interval_ns = self._interval.update(frame.captured_ns)
        self._apply_bitrate(interval_ns)
        picture = self._picture(frame)
        picture.pts, picture.time_base = self._next_pts(), TIME_BASE
        picture.pict_type = PictureType.I if key_frame or self._count == 1 else PictureType.NONE
        encoded = self._encoded(self._packets(picture), frame)
        self._balance.add(len(encoded.data) if encoded else 0, interval_ns)
        return encoded

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._check_open()
        check_rate(bitrate, framerate)
        if bitrate != self._bitrate:
            self._bitrate = bitrate
            self._balance.set_bitrate(bitrate)
        self._interval.set_framerate(framerate)
        self._apply_bitrate(SECOND_NS / framerate)

    def close(self) -> None:
        self._context = None
        self._reused = None

    def _picture(self, frame: VideoFrame) -> av.VideoFrame:
        """The frame as PyAV has it: itself when it comes from there, else a copy.

        The copy's memory is used again at once: x264 has taken it over when `encode` returns.
        """
        if picture := as_av(frame):
            return picture
        if self._reused is None:
            self._reused = av.VideoFrame(frame.width, frame.height, "yuv420p")
        copy_i420(frame, self._reused)
        return self._reused

    def _packets(self, picture: av.VideoFrame) -> list[Any]:
        try:
            return list(self._context.encode(picture))
        except (av.FFmpegError, ValueError) as exc:
            raise EncoderError(f"x264 failed on a picture of {picture.width}x{picture.height}: {exc}") from exc

    def _encoded(self, packets: list[Any], frame: VideoFrame) -> EncodedFrame | None:
        if not packets:
            return None
        return EncodedFrame(
            Codec.H264,
            self._settings.rid,
            b"".join(bytes(packet) for packet in packets),
            frame.captured_ns,
            packets[0].is_keyframe,
            frame.width,
            frame.height,
        )

    def _next_pts(self) -> int:
        pts = round(self._count * CLOCK_RATE / self._nominal_framerate)
        self._count += 1
        return pts

    def _apply_bitrate(self, interval_ns: float) -> None:
        per_picture = self._balance.wanted_bitrate * interval_ns / SECOND_NS
        bitrate = max(LOWEST, min(round(per_picture * self._nominal_framerate), self._ceiling))
        if abs(bitrate - self._context.bit_rate) > RATE_STEP * bitrate:
            self._context.bit_rate = bitrate

    def _check_open(self) -> None:
        if self._context is None:
            raise EncoderError("this x264 encoder is closed: make a new one")


def _ceiling(settings: VideoEncoderSettings) -> int:
    return SLOWEST * max(settings.max_bitrate, settings.bitrate)


def _open(settings: VideoEncoderSettings, ceiling: int) -> Any:
    """Raises EncoderError when FFmpeg has no x264 or x264 refuses."""
    try:
        context: Any = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = settings.width, settings.height, "yuv420p"
        context.framerate = Fraction(settings.framerate).limit_denominator(1001)
        context.time_base = TIME_BASE
        context.thread_count = 1
        context.bit_rate = ceiling
        context.options = _options(settings, ceiling)
        context.open()
    except (av.FFmpegError, ValueError) as exc:
        size = f"{settings.width}x{settings.height}"
        raise EncoderError(f"x264 cannot be opened for {size}: {exc}; `pip install av` has it") from exc
    return context


def _options(settings: VideoEncoderSettings, ceiling: int) -> dict[str, str]:
    buffer_bits = round(BUFFER_S * ceiling / SLOWEST)
    is_small = settings.width * settings.height <= SMALL
    parameters = PARAMETERS if is_small else PARAMETERS | {"partitions": "none"}
    return {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "maxrate": str(ceiling),
        "bufsize": str(buffer_bits),
        "x264-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }
