"""Snapshots: one picture as a JPEG, made by FFmpeg. Imports av, so it is imported when the first one is asked for."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorRange

from lkedge.builtin.picture import as_av, copy_i420
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame

QUANTIZERS = (3, 8, 20)
"""Of 2 (best) to 31. The first is hard to tell from the original; the others are for noise in large sizes."""


def encode(picture: VideoFrame, max_bytes: int) -> bytes:
    """An I420 picture (limited range, as video has it) as a JPEG of at most `max_bytes`.

    Raises:
        EncoderError: FFmpeg refuses the picture, or it does not fit however coarse.
    """
    try:
        full_range = _as_full_range(picture)
        jpegs = (_encoded(full_range, quantizer) for quantizer in QUANTIZERS)
        jpeg = next((jpeg for jpeg in jpegs if 0 < len(jpeg) <= max_bytes), b"")
    except (av.FFmpegError, ValueError) as error:
        raise EncoderError(f"no JPEG of {picture.width}x{picture.height} can be made: {error}") from error
    if not jpeg:
        raise EncoderError(
            f"the JPEG of {picture.width}x{picture.height} is larger than {max_bytes} bytes: ask for a smaller width"
        )
    return jpeg


def _as_full_range(picture: VideoFrame) -> av.VideoFrame:
    source = as_av(picture)
    if source is None:
        source = av.VideoFrame(picture.width, picture.height, "yuv420p")
        copy_i420(picture, source)
    return source.reformat(format="yuvj420p", src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.JPEG)


def _encoded(picture: av.VideoFrame, quantizer: int) -> bytes:
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuvj420p"
    context.time_base = Fraction(1, 1)
    context.color_range = ColorRange.JPEG
    context.thread_count = 1
    context.qmin = context.qmax = quantizer
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])
