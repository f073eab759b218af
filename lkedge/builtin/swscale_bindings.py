"""FFmpeg's swscale for ctypes: every pixel format, and no import of av (18 MB of a process)."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_void_p
from functools import cache

from lkedge.builtin.native import load_library
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame

SWSCALE_SONAMES = tuple(f"libswscale.so.{version}" for version in range(10, 4, -1))
AVUTIL_SONAMES = tuple(f"libavutil.so.{version}" for version in range(61, 55, -1))

FLAG_AREA = 0x20
MAX_PLANES = 4


class SwscaleLibrary:
    """The functions of one libswscale, with the libavutil that names its pixel formats."""

    def __init__(self, swscale: ctypes.CDLL, avutil: ctypes.CDLL) -> None:
        self._lib = swscale
        self._pixel_format = avutil.av_get_pix_fmt
        self._pixel_format.argtypes = (c_char_p,)
        swscale.sws_getContext.argtypes = (*(c_int,) * 7, c_void_p, c_void_p, c_void_p)
        swscale.sws_getContext.restype = c_void_p
        pointers, strides = ctypes.POINTER(c_void_p), ctypes.POINTER(c_int)
        swscale.sws_scale.argtypes = (c_void_p, pointers, strides, c_int, c_int, pointers, strides)
        swscale.sws_freeContext.argtypes = (c_void_p,)
        swscale.sws_freeContext.restype = None

    def open(self, source: VideoFrame, width: int, height: int) -> int:
        """A context that turns pictures like `source` into I420 of that size. Close it once.

        Raises:
            EncoderError: FFmpeg has no such pixel format or cannot read it.
        """
        begin = (source.width, source.height, self._format(source.pixel_format))
        end = (width, height, self._format("yuv420p"))
        context: int | None = self._lib.sws_getContext(*begin, *end, FLAG_AREA, None, None, None)
        if context is None:
            raise EncoderError(
                f"swscale cannot make {width}x{height} of a {source.pixel_format} picture"
                f" of {source.width}x{source.height}"
            )
        return context

    def scale(self, context: int, source: VideoFrame, target: VideoFrame) -> None:
        """Into a picture that was not handed over yet."""
        rows = self._lib.sws_scale(context, *_arrays(source), 0, source.height, *_arrays(target))
        if rows != target.height:
            raise EncoderError(f"swscale wrote {rows} of {target.height} rows of a {source.pixel_format} picture")

    def close(self, context: int) -> None:
        self._lib.sws_freeContext(context)

    def _format(self, name: str) -> int:
        number: int = self._pixel_format(name.encode())
        if number < 0:
            raise EncoderError(f"FFmpeg has no pixel format {name}: the source must name one of FFmpeg's")
        return number


def _arrays(frame: VideoFrame) -> tuple[ctypes.Array[c_void_p], ctypes.Array[c_int]]:
    pointers = (c_void_p * MAX_PLANES)(*(plane.pointer for plane in frame.planes))
    strides = (c_int * MAX_PLANES)(*(plane.stride for plane in frame.planes))
    return pointers, strides


@cache
def swscale() -> SwscaleLibrary:
    """The swscale of this process, loaded once. Raises EncoderError when there is none."""
    avutil = load_library("libavutil", AVUTIL_SONAMES, package="libavutil57")
    library = load_library("libswscale", SWSCALE_SONAMES, package="libswscale6")
    return SwscaleLibrary(library.handle, avutil.handle)
