# lkedge: pure
"""Scales one picture for several layers, from the smallest that is there and large enough."""

from __future__ import annotations

from typing import Protocol

from lkedge.media.frame import VideoFrame


class Scaler(Protocol):
    """Changes size and pixel format; belongs to one thread."""

    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        """The picture in that size and one of these formats; `frame` itself when it fits already."""
        ...


class Cascade:
    """One picture of the source, its renditions, and what was made of them."""

    def __init__(self, scaler: Scaler, frame: VideoFrame) -> None:
        self._scaler = scaler
        self._pictures = [frame, *frame.renditions]

    def scale(self, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        """The picture in that size.

        The smallest sufficient one is the starting point, in whatever pixel format it is; of
        two of one size, the one that needs no conversion.
        """
        sufficient = [picture for picture in self._pictures if picture.width >= width and picture.height >= height]
        start = min(
            sufficient,
            key=lambda picture: (picture.width * picture.height, picture.pixel_format not in pixel_formats),
            default=self._pictures[0],
        )
        result = self._scaler.scale(start, width, height, pixel_formats)
        if result is not start:
            self._pictures.append(result)
        return result
