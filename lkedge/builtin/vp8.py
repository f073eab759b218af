"""VP8 with libvpx, in real time, rate controlled while it runs (RFC 6386)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from lkedge.builtin import vpx_bindings as vpx
from lkedge.builtin.frame_interval import FrameInterval
from lkedge.builtin.picture_size import SizeLimits, check_frame, check_rate, check_settings
from lkedge.clock import SECOND_NS
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec

LIMITS = SizeLimits(16_383, 16_383 * 16_383, "RFC 6386, section 9.1")

TIMEBASE = 90_000

BUFFER_MS, BUFFER_INITIAL_MS, BUFFER_OPTIMAL_MS = 1000, 500, 600
"""libwebrtc's (libvpx_vp8_encoder.cc): how far the sent rate may wander from the target."""

MIN_QUANTIZER, MAX_QUANTIZER = 2, 56
UNDERSHOOT_PERCENT, OVERSHOOT_PERCENT = 100, 15

DROP_FRAME_PERCENT = 30
"""Fill of the buffer below which pictures are dropped rather than the rate exceeded."""

NO_KEY_FRAMES = 1_000_000
"""Pictures between key frames: only those that are asked for."""


@dataclass(frozen=True, slots=True)
class _Tuning:
    """cpu_used: speed, negative for a fixed one; positive ones adapt themselves and are slow."""

    cpu_used: int
    static_threshold: int
    screen_content: int


SCREEN_SHARE = _Tuning(cpu_used=-6, static_threshold=100, screen_content=1)


SPEED = -14
SMALL = 320 * 180
SPEED_OF_SMALL = -8
"""libvpx's cpu-used, and the one for pictures of at most `SMALL` pixels.

On a real clip at LiveKit's default bitrates, -14 (the simple loop filter) saves an eighth
of the work of -12 for 0.2 dB of luma and 1.2 dB of chroma, and its top layer is as good as
libwebrtc's; -16 loses 4 dB. Small pictures cost little and fall apart first when much
moves: at -8 they cost a fifth more than at -12 and gain 1 dB.
"""


def tuning_for(settings: VideoEncoderSettings) -> _Tuning:
    """The fastest setting that keeps the quality of libwebrtc at this size."""
    if settings.is_screen_share:
        return SCREEN_SHARE
    is_small = settings.width * settings.height <= SMALL
    return _Tuning(SPEED_OF_SMALL if is_small else SPEED, 1, 0)


class Vp8Encoder(VideoEncoder):
    """One layer in VP8. Reads the planes where they are; used by one thread."""

    pixel_formats = ("yuv420p",)

    def __init__(self, settings: VideoEncoderSettings) -> None:
        check_settings(settings, Codec.VP8, LIMITS)
        self._settings = settings
        self._context: Any = None
        self._interval = FrameInterval(settings.framerate)
        self._pts = 0.0
        self._library = vpx.vpx()
        self._config = _config(self._library.default_config(), settings)
        self._image = self._library.image(settings.width, settings.height)
        self._context = self._library.open(self._config)
        self._tune(tuning_for(settings))

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        self._check_open()
        check_frame(frame, self._settings, self.pixel_formats)
        for index, plane in enumerate(frame.planes):
            self._image.planes[index] = plane.pointer
            self._image.stride[index] = plane.stride
        flags = vpx.EFLAG_FORCE_KEY_FRAME if key_frame else 0
        pts, duration = self._advance(frame.captured_ns)
        packet = self._library.encode(self._context, self._image, pts, duration, flags)
        return self._encoded(packet, frame) if packet else None

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._check_open()
        check_rate(bitrate, framerate)
        self._interval.set_framerate(framerate)
        self._config.rc_target_bitrate = _kilobits(bitrate)
        self._library.configure(self._context, self._config)
        self._limit_key_frames(framerate)

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            self._library.close(context)

    def __del__(self) -> None:
        if getattr(self, "_context", None) is not None:
            self.close()

    def _advance(self, captured_ns: int) -> tuple[int, int]:
        """The time of this picture and its length, in units of the time base."""
        begin = round(self._pts)
        self._pts += max(1.0, self._interval.update(captured_ns) * TIMEBASE / SECOND_NS)
        return begin, max(1, round(self._pts) - begin)

    def _encoded(self, packet: vpx.FramePacket, frame: VideoFrame) -> EncodedFrame:
        return EncodedFrame(
            Codec.VP8,
            self._settings.rid,
            ctypes.string_at(packet.data, packet.size),
            frame.captured_ns,
            bool(packet.flags & vpx.FRAME_IS_KEY),
            frame.width,
            frame.height,
        )

    def _tune(self, tuning: _Tuning) -> None:
        control, context = self._library.control, self._context
        control(context, vpx.SET_CPUUSED, tuning.cpu_used)
        control(context, vpx.SET_STATIC_THRESHOLD, tuning.static_threshold)
        control(context, vpx.SET_SCREEN_CONTENT_MODE, tuning.screen_content)
        control(context, vpx.SET_NOISE_SENSITIVITY, 0)
        control(context, vpx.SET_TOKEN_PARTITIONS, 0)
        self._limit_key_frames(self._settings.framerate)

    def _limit_key_frames(self, framerate: float) -> None:
        """Half the optimal buffer, in percent of a mean picture, as in libwebrtc."""
        percent = max(300, round(BUFFER_OPTIMAL_MS / 2 * framerate / 10))
        self._library.control(self._context, vpx.SET_MAX_INTRA_BITRATE_PCT, percent)

    def _check_open(self) -> None:
        if self._context is None:
            raise EncoderError("this vp8 encoder is closed: make a new one")


def _config(config: vpx.EncoderConfig, settings: VideoEncoderSettings) -> vpx.EncoderConfig:
    config.g_w, config.g_h = settings.width, settings.height
    config.g_timebase.num, config.g_timebase.den = 1, TIMEBASE
    config.g_threads = 1
    config.g_lag_in_frames = 0
    config.g_error_resilient = 0
    config.rc_end_usage = vpx.RC_CBR
    config.rc_target_bitrate = _kilobits(settings.bitrate)
    config.rc_min_quantizer, config.rc_max_quantizer = MIN_QUANTIZER, MAX_QUANTIZER
    config.rc_undershoot_pct, config.rc_overshoot_pct = UNDERSHOOT_PERCENT, OVERSHOOT_PERCENT
    config.rc_buf_sz = BUFFER_MS
    config.rc_buf_initial_sz, config.rc_buf_optimal_sz = BUFFER_INITIAL_MS, BUFFER_OPTIMAL_MS
    config.rc_dropframe_thresh = DROP_FRAME_PERCENT
    config.rc_resize_allowed = 0
    config.kf_mode, config.kf_max_dist = vpx.KF_AUTO, NO_KEY_FRAMES
    return config


def _kilobits(bitrate: int) -> int:
    return max(1, bitrate // 1000)
