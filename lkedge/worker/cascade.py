# lkedge: pure
"""Scales one picture for several layers, from the smallest that is there and large enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lkedge.media.frame import VideoFrame

HardwareScale = Callable[[VideoFrame], VideoFrame | None]
"""`VideoEncoder.scale`."""


class Scaler(Protocol):
    """Changes size and pixel format; belongs to one thread."""

    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        """The picture in that size and one of these formats; `frame` itself when it fits already."""
        ...


class Cascade:
    """One picture of the source, its renditions, and what was made of them.

    What hardware made is a starting point for hardware only: processors read its memory slowly.
    """

    def __init__(self, scaler: Scaler, frame: VideoFrame) -> None:
        self._scaler = scaler
        self._pictures = [frame, *frame.renditions]
        self._made_by_hardware: list[VideoFrame] = []

    def scale(
        self,
        width: int,
        height: int,
        pixel_formats: tuple[str, ...],
        by_hardware: HardwareScale = lambda frame: None,
    ) -> VideoFrame:
        """The picture in that size.

        The smallest sufficient one is the starting point, in whatever pixel format it is; of
        two of one size, the one that needs no conversion.
        """
        start = _start([*self._pictures, *self._made_by_hardware], width, height, pixel_formats)
        if (start.width, start.height) != (width, height) or start.pixel_format not in pixel_formats:
            if (made := by_hardware(start)) is not None:
                self._made_by_hardware.append(made)
                return made
            start = _start(self._pictures, width, height, pixel_formats)
        result = self._scaler.scale(start, width, height, pixel_formats)
        if result is not start:
            self._pictures.append(result)
        return result


def _start(pictures: Sequence[VideoFrame], width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
    sufficient = [picture for picture in pictures if picture.width >= width and picture.height >= height]
    return min(
        sufficient,
        key=lambda picture: (picture.width * picture.height, picture.pixel_format not in pixel_formats),
        default=pictures[0],
    )
