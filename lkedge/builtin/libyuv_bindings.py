"""libyuv for ctypes: scaling I420 and converting to it, a third of swscale's cost."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from ctypes import c_int, c_void_p
from functools import cache
from typing import Any

from lkedge.builtin.native import load_library
from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame

SONAMES = ("libyuv.so.0", "libyuv.so")

FILTER_BOX = 3

CONVERSIONS = {
    "nv12": ("NV12ToI420", 2),
    "nv21": ("NV21ToI420", 2),
    "yuyv422": ("YUY2ToI420", 1),
    "uyvy422": ("UYVYToI420", 1),
    "yuv422p": ("I422ToI420", 3),
    "rgb24": ("RAWToI420", 1),
    "bgr24": ("RGB24ToI420", 1),
    "bgra": ("ARGBToI420", 1),
    "bgr0": ("ARGBToI420", 1),
    "rgba": ("ABGRToI420", 1),
    "rgb0": ("ABGRToI420", 1),
}
"""FFmpeg's pixel format: libyuv's function (it names by the order in a register), planes."""


class YuvLibrary:
    """The functions of one libyuv. Colours are BT.601, limited range, as in WebRTC.

    Raises:
        EncoderError: the file lacks one of them.
    """

    def __init__(self, handle: ctypes.CDLL, path: str) -> None:
        self.path = path
        try:
            self._scale = _declare(handle.I420Scale, 3, 2, 3, 3)
            self._convert = {
                pixel_format: _declare(getattr(handle, name), planes, 0, 3, 2)
                for pixel_format, (name, planes) in CONVERSIONS.items()
            }
        except AttributeError as exc:
            raise EncoderError(f"{path} is not a complete libyuv: {exc}") from exc

    def converts(self, pixel_format: str) -> bool:
        return pixel_format in self._convert

    def scale(self, source: VideoFrame, target: VideoFrame) -> None:
        """Scale I420 into a picture that was not handed over yet."""
        begin = (*_flat(source.planes), source.width, source.height)
        result = self._scale(*begin, *_flat(target.planes), target.width, target.height, FILTER_BOX)
        self._check(result, source, target)

    def convert(self, source: VideoFrame, target: VideoFrame) -> None:
        """Convert to I420 of the same size, into a picture that was not handed over yet."""
        function = self._convert[source.pixel_format]
        result = function(*_flat(source.planes), *_flat(target.planes), target.width, target.height)
        self._check(result, source, target)

    def _check(self, result: int, source: VideoFrame, target: VideoFrame) -> None:
        if result:
            raise EncoderError(
                f"libyuv ({self.path}) cannot make {target.width}x{target.height} of a {source.pixel_format}"
                f" picture of {source.width}x{source.height}"
            )


def _flat(planes: Iterable[Plane]) -> tuple[int, ...]:
    return tuple(value for plane in planes for value in plane)


def _declare(function: Any, planes: int, sizes: int, targets: int, rest: int) -> Callable[..., int]:
    """Both pictures are a pointer and a stride per plane, each picture followed by its sizes."""
    plane = (c_void_p, c_int)
    function.argtypes = (*plane * planes, *(c_int,) * sizes, *plane * targets, *(c_int,) * rest)
    function.restype = c_int
    declared: Callable[..., int] = function
    return declared


@cache
def libyuv() -> YuvLibrary | None:
    """The libyuv of this machine, None without a usable one."""
    try:
        library = load_library("libyuv", SONAMES, package="libyuv0")
        return YuvLibrary(library.handle, library.path)
    except EncoderError:
        return None
