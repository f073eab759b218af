"""From a completed request of the camera to a VideoFrame with its smaller rendition.

A picture is lent, not copied, as long as the camera keeps enough buffers to go on: it goes back when the
last frame on its memory is gone. When too many are out, pictures are copied. Only a lent one has a DMABUF.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lkedge.media.frame import Plane, VideoFrame

logger = logging.getLogger(__name__)

PIXEL_FORMATS = {
    "YUV420": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "YUYV": "yuyv422",
    "YVYU": "yvyu422",
    "UYVY": "uyvy422",
    "RGB888": "bgr24",
    "BGR888": "rgb24",
    "XRGB8888": "bgr0",
    "XBGR8888": "rgb0",
}
"""FFmpeg's names by libcamera's, which are DRM's: the first letter is the last byte."""

KEPT_BY_CAMERA = 3
"""Buffers it needs to go on: one that fills, one that waits, one that has come and is not taken yet."""

Address = Callable[[Any, str], int]
"""Where the memory of a request's stream is mapped."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as it was agreed on. name: picamera2's: "main" or "lores"."""

    name: str
    width: int
    height: int
    pixel_format: str
    stride: int

    @property
    def planes(self) -> tuple[tuple[int, int], ...]:
        """Offset and stride of each plane; they follow each other."""
        luma = self.stride * self.height
        if self.pixel_format == "yuv420p":
            half = self.stride // 2
            return (0, self.stride), (luma, half), (luma + half * (self.height // 2), half)
        if self.pixel_format in ("nv12", "nv21"):
            return (0, self.stride), (luma, self.stride)
        return ((0, self.stride),)

    @property
    def size(self) -> int:
        """Bytes of a picture."""
        rows = self.height * 3 // 2 if len(self.planes) > 1 else self.height
        return self.stride * rows


class Loan:
    """The memory of one request. `give_back` is called when the last frame on it is gone, in whichever thread."""

    __slots__ = ("_give_back", "_request")

    def __init__(self, request: Any, give_back: Callable[[Any], None]) -> None:
        self._request = request
        self._give_back = give_back

    def __del__(self) -> None:
        self._give_back(self._request)


class Pictures:
    """Belongs to the reading thread. address: finds memory, asked once for each buffer.

    buffers: how many the camera has. give_back: as in Loan; must be safe wherever an object may end.
    """

    def __init__(
        self, streams: tuple[Stream, ...], buffers: int, address: Address, give_back: Callable[[Any], None]
    ) -> None:
        self._streams = streams
        self._may_lend = max(0, buffers - KEPT_BY_CAMERA)
        self._address = address
        self._give_back = give_back
        self._mapped: dict[int, int] = {}
        self.lent = 0
        self.copied = 0

    def frame(self, request: Any, captured_ns: int) -> VideoFrame:
        """A frame of the request; releases the request, now or when it comes back."""
        if self.lent < self._may_lend:
            self.lent += 1
            loan = Loan(request, self._give_back)
            return self._assembled(captured_ns, lambda stream: (*self._place(request, stream), loan))
        self.copied += 1
        frame = self._assembled(captured_ns, lambda stream: self._copy(request, stream))
        release(request)
        return frame

    def take_back(self, request: Any) -> None:
        """A lent request has come back."""
        self.lent -= 1
        release(request)

    def _assembled(self, captured_ns: int, memory: Callable[[Stream], tuple[int, int, Any]]) -> VideoFrame:
        main, *others = self._streams
        renditions = tuple(_frame(stream, captured_ns, *memory(stream)) for stream in others)
        return _frame(main, captured_ns, *memory(main), renditions)

    def _place(self, request: Any, stream: Stream) -> tuple[int, int]:
        """Address and descriptor of its memory."""
        descriptor = request.request.buffers[request.stream_map[stream.name]].planes[0].fd
        if descriptor not in self._mapped:
            self._mapped[descriptor] = self._address(request, stream.name)
        return self._mapped[descriptor], descriptor

    def _copy(self, request: Any, stream: Stream) -> tuple[int, int, bytes]:
        address, _ = self._place(request, stream)
        data = ctypes.string_at(address, stream.size)
        return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0, -1, data


def release(request: Any) -> None:
    """Give a request back to the camera. One that cannot go back any more is no fault of ours."""
    try:
        request.release()
    except RuntimeError as error:
        logger.debug("a request cannot go back to the camera: %s", error)


def _frame(
    stream: Stream, captured_ns: int, start: int, dmabuf: int, owner: Any, renditions: tuple[VideoFrame, ...] = ()
) -> VideoFrame:
    planes = tuple(Plane(start + offset, stride) for offset, stride in stream.planes)
    return VideoFrame(
        stream.width & ~1, stream.height & ~1, stream.pixel_format, planes, captured_ns, owner, renditions, dmabuf
    )
