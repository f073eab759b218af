# lkedge: pure
"""The part of the sensor that is shown, as fractions of its view: what libcamera calls the scaler crop."""

from __future__ import annotations

from lkedge_picamera2.control_types import as_numbers, as_text

WHOLE = "0, 0, 1, 1"
SMALLEST = 0.05

Rectangle = tuple[int, int, int, int]
"""Left, top, width, height."""


def normal(text: str) -> str:
    """The same region as it is shown.

    Raises:
        ValueError: it is none; says what one is.
    """
    return as_text(_fractions(text))


def crop(text: str, view: Rectangle, width: int, height: int) -> Rectangle:
    """The largest part of a region that has the shape of the picture, centred in it, in pixels of the sensor.

    view: all that the sensor shows in its present mode. width, height: of the picture.
    """
    left, top, wide, high = _fractions(text)
    region_width, region_height = wide * view[2], high * view[3]
    scale = min(region_width / width, region_height / height)
    crop_width, crop_height = round(width * scale), round(height * scale)
    return (
        view[0] + round(left * view[2] + (region_width - crop_width) / 2),
        view[1] + round(top * view[3] + (region_height - crop_height) / 2),
        crop_width,
        crop_height,
    )


def _fractions(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = as_numbers(text)
    except ValueError:
        raise ValueError(_expected()) from None
    is_inside = min(left, top) >= 0 and left + width <= 1.0001 and top + height <= 1.0001
    if not is_inside or min(width, height) < SMALLEST:
        raise ValueError(_expected())
    return left, top, width, height


def _expected() -> str:
    return (
        'must be left, top, width and height as fractions of the whole view, such as "0.25, 0.25, 0.5, 0.5"; '
        f"width and height at least {SMALLEST:g}"
    )
