"""Small media files for tests, made on the spot with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from lkedge.builtin.strip import StripPainter

FRAMERATE = 30
SAMPLE_RATE = 48_000


def picture(index: int, width: int, height: int) -> av.VideoFrame:
    """A grey picture whose first two grid rows carry `index`, as the strip of the test picture."""
    luma = np.full((height, width), 40 + index * 3 % 160, np.uint8)
    strip = np.frombuffer(StripPainter(width).row(index), np.uint8)
    luma[: round(height / 11.25)] = strip
    chroma = np.full((height // 2, width), 128, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")


def write_video(
    path: Path, codec: str, *, frames: int = 30, width: int = 320, height: int = 180, **options: Any
) -> Path:
    """A clip of numbered pictures. codec: an FFmpeg encoder such as "libx264"; options: its options."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=FRAMERATE, options=options)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            frame = picture(index, width & ~1, height & ~1)
            if width & 1 or height & 1:
                frame = frame.reformat(width, height)
            frame.pts, frame.time_base = index, Fraction(1, FRAMERATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_audio(path: Path, codec: str, *, seconds: float = 1.0, rate: int = SAMPLE_RATE, **options: Any) -> Path:
    """A sine of 1 kHz in one channel."""
    samples = (8000 * np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 1000 / rate)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono", options=options)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path
