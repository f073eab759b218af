"""H.264 with x264: constrained baseline, no delay, one quantizer per picture.

x264's own rate control costs a fifth of its time without look-ahead: it searches motion in
a smaller copy of each picture to know what it will cost. QuantizerControl does without, and
takes any bitrate and frame rate at any time.
"""

from __future__ import annotations

from lkedge.builtin.frame_interval import FrameInterval
from lkedge.builtin.picture_meter import PictureMeter
from lkedge.builtin.picture_size import SizeLimits, check_frame, check_rate, check_settings, macroblocks
from lkedge.builtin.quantizer import QuantizerControl
from lkedge.builtin.x264_bindings import Stream, x264
from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec

LIMITS = SizeLimits(8_688, 36_864 * 256, "H.264 level 5.2, table A-1")

SMALL = 640 * 360
"""Up to so many pixels, blocks are split: in larger pictures that is 7 % of the time for 0.07 dB."""

LEVEL, LEVEL_MACROBLOCKS, LEVEL_MACROBLOCKS_PER_S = "3.1", 3_600, 108_000
"""The level that the offer names, and its limits (H.264, table A-1). By itself x264 takes the lowest one for
the size and does not see the bitrate, which may exceed that one's."""

PRESET, TUNE, PROFILE = "superfast", "zerolatency", "baseline"

# Next to the preset: adaptive quantization costs 0.4 dB at this speed, and the baseline
# profile cannot use the weights that are searched for. With a constant quantizer, x264 keeps
# those of single pictures between what it would give an I and a B picture: hence the ratios.
OPTIONS = {
    "log": "-1",
    "repeat-headers": "1",
    "annexb": "1",
    "scenecut": "0",
    "keyint": "infinite",
    "aq-mode": "0",
    "weightp": "0",
    "threads": "1",
    "sliced-threads": "0",
    "qp": "31",
    "ipratio": "10",
    "pbratio": "10",
}


class X264Encoder(VideoEncoder):
    """One layer in H.264. Reads the planes where they are; used by one thread."""

    pixel_formats = ("yuv420p",)

    def __init__(self, settings: VideoEncoderSettings) -> None:
        self._stream: Stream | None = None
        check_settings(settings, Codec.H264, LIMITS)
        self._settings = settings
        self._interval = FrameInterval(settings.framerate)
        self._meter = PictureMeter(settings.width, settings.height)
        self._control = QuantizerControl(settings.width * settings.height, settings.bitrate)
        self._is_started = False
        self._stream = _open(settings)

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        stream = self._opened()
        check_frame(frame, self._settings, self.pixel_formats)
        key_frame |= not self._is_started
        interval_ns = self._interval.update(frame.captured_ns)
        content = self._meter.update(frame, with_detail=key_frame)
        quantizer = self._control.choose(interval_ns, content, key_frame=key_frame)
        if quantizer is None:
            return None
        data, is_key = stream.encode(frame.planes, quantizer, key_frame=key_frame)
        self._is_started = True
        self._control.add(len(data))
        if not data:
            return None
        return EncodedFrame(Codec.H264, self._settings.rid, data, frame.captured_ns, is_key, frame.width, frame.height)

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._opened()
        check_rate(bitrate, framerate)
        self._control.set_bitrate(bitrate)
        self._interval.set_framerate(framerate)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> Stream:
        if self._stream is None:
            raise EncoderError("this x264 encoder is closed: make a new one")
        return self._stream


def _open(settings: VideoEncoderSettings) -> Stream:
    """Raises EncoderError when there is no x264 or it refuses."""
    options = OPTIONS | {"fps": f"{round(1000 * settings.framerate)}/1000"}
    if settings.width * settings.height > SMALL:
        options |= {"partitions": "none"}
    if _fits_level(settings):
        options |= {"level": LEVEL}
    return x264().open(settings.width, settings.height, PRESET, TUNE, PROFILE, options)


def _fits_level(settings: VideoEncoderSettings) -> bool:
    count = macroblocks(settings.width, settings.height)
    return count <= LEVEL_MACROBLOCKS and count * settings.framerate <= LEVEL_MACROBLOCKS_PER_S
