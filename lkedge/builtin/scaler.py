"""Brings pictures to the size and format that an encoder takes.

libyuv does it where it is installed and knows the format; swscale does the rest. The
caller goes from large to small and hands in the smallest picture that is large enough, so
each step of a ladder starts from the one above it.
"""

from __future__ import annotations

from lkedge.builtin.libyuv_bindings import YuvLibrary, libyuv
from lkedge.builtin.picture import I420Pool
from lkedge.builtin.swscale_bindings import swscale
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame

I420 = "yuv420p"

MAX_SIZES = 8
"""Sizes whose buffers are kept: a source has three layers and itself."""

MAX_CONTEXTS = 8


class Scaler:
    """Belongs to one thread. Its pictures stay valid after `close`.

    use_libyuv: False leaves everything to swscale.
    """

    def __init__(self, *, use_libyuv: bool = True) -> None:
        self._libyuv: YuvLibrary | None = libyuv() if use_libyuv else None
        self._pools: dict[tuple[int, int], I420Pool] = {}
        self._contexts: dict[tuple[int, int, str, int, int], int] = {}

    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...] = (I420,)) -> VideoFrame:
        """The picture in that size and one of these formats; `frame` itself when it fits already.

        Raises:
            EncoderError: the formats cannot be read or made, or the size is none.
        """
        if (frame.width, frame.height) == (width, height) and frame.pixel_format in pixel_formats:
            return frame
        if I420 not in pixel_formats:
            raise EncoderError(f"the scaler makes {I420} only, not {', '.join(pixel_formats)}")
        if min(frame.width, frame.height, width, height) < 1:
            raise EncoderError(f"cannot scale {frame.width}x{frame.height} to {width}x{height}")
        return self._made(frame, width, height)

    def close(self) -> None:
        """Release what is kept between pictures. Any number of times."""
        while self._contexts:
            swscale().close(self._contexts.popitem()[1])
        self._pools.clear()

    def __del__(self) -> None:
        if getattr(self, "_contexts", None):
            self.close()

    def _made(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        if self._libyuv is None or not (frame.pixel_format == I420 or self._libyuv.converts(frame.pixel_format)):
            return self._with_swscale(frame, width, height)
        if frame.pixel_format != I420:
            frame = self._converted(self._libyuv, frame)
        if (frame.width, frame.height) == (width, height):
            return frame
        target = self._pool(width, height).take(frame.captured_ns)
        self._libyuv.scale(frame, target)
        return target

    def _converted(self, library: YuvLibrary, frame: VideoFrame) -> VideoFrame:
        target = self._pool(frame.width, frame.height).take(frame.captured_ns)
        library.convert(frame, target)
        return target

    def _with_swscale(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        target = self._pool(width, height).take(frame.captured_ns)
        swscale().scale(self._context(frame, width, height), frame, target)
        return target

    def _context(self, frame: VideoFrame, width: int, height: int) -> int:
        """One context per conversion: a shared one is built anew at each change."""
        key = (frame.width, frame.height, frame.pixel_format, width, height)
        if key not in self._contexts:
            if len(self._contexts) >= MAX_CONTEXTS:
                swscale().close(self._contexts.pop(next(iter(self._contexts))))
            self._contexts[key] = swscale().open(frame, width, height)
        return self._contexts[key]

    def _pool(self, width: int, height: int) -> I420Pool:
        size = (width, height)
        if size not in self._pools:
            if len(self._pools) >= MAX_SIZES:
                self._pools.pop(next(iter(self._pools)))
            self._pools[size] = I420Pool(width, height)
        return self._pools[size]
