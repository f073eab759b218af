# lkedge: pure
"""Sizes that the built-in video encoders take."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import Codec

SMALLEST = 16
"""Pixels of a macroblock's side."""


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """largest: of either side, in pixels. largest_area: width times height. source: who says so."""

    largest: int
    largest_area: int
    source: str


def macroblocks(width: int, height: int) -> int:
    """How many a picture of that size has; what does not fill one counts as one."""
    return -(-width // SMALLEST) * -(-height // SMALLEST)


def check_settings(settings: VideoEncoderSettings, codec: Codec, limits: SizeLimits) -> None:
    """Refuse what cannot be encoded, with the value and the limit.

    Raises:
        EncoderError: another codec, an impossible size, or rates out of range.
    """
    size = f"{codec.value} cannot encode {settings.width}x{settings.height}"
    if settings.codec is not codec:
        raise EncoderError(f"this encoder makes {codec.value}, not {settings.codec.value}: choose another encoder")
    if settings.width % 2 or settings.height % 2:
        raise EncoderError(f"{size}: 4:2:0 needs an even width and height")
    if min(settings.width, settings.height) < SMALLEST:
        raise EncoderError(f"{size}: each side needs at least {SMALLEST} pixels")
    if max(settings.width, settings.height) > limits.largest:
        raise EncoderError(f"{size}: a side has at most {limits.largest} pixels ({limits.source})")
    if settings.width * settings.height > limits.largest_area:
        raise EncoderError(f"{size}: at most {limits.largest_area} pixels in all ({limits.source})")
    check_rate(settings.bitrate, settings.framerate)


def check_rate(bitrate: int, framerate: float) -> None:
    """Raises EncoderError for a rate that no encoder can be asked for."""
    if bitrate <= 0:
        raise EncoderError(f"bitrate {bitrate} bit/s: it must be above 0")
    if not 0 < framerate <= 240:
        raise EncoderError(f"{framerate} frames/s: it must be above 0 and at most 240")


def check_frame(frame: VideoFrame, settings: VideoEncoderSettings, pixel_formats: tuple[str, ...]) -> None:
    """Raises EncoderError for a picture that is not of the configured size and format."""
    if (frame.width, frame.height) != (settings.width, settings.height):
        wanted = f"{settings.width}x{settings.height}"
        raise EncoderError(f"a picture of {frame.width}x{frame.height} came to an encoder for {wanted}: scale it first")
    if frame.pixel_format not in pixel_formats:
        raise EncoderError(f"a {frame.pixel_format} picture came, {', '.join(pixel_formats)} is needed: convert it")
