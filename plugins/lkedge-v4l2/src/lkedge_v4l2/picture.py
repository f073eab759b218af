"""From the bytes of a camera to a VideoFrame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lkedge.media.frame import EncodedFrame, Plane, VideoFrame
from lkedge_v4l2.capture import Picture
from lkedge_v4l2.device import Negotiated
from lkedge_v4l2.formats import H264, RAW_FORMATS, is_whole_jpeg
from lkedge_v4l2.kernel import address_of

Unpack = Callable[[Picture, int], VideoFrame | EncodedFrame | None]
"""From a picture and its capture time; None for one that is damaged."""


def unpacker(negotiated: Negotiated) -> Unpack:
    """What turns the pictures of a format into raw frames."""
    if negotiated.mode.fourcc in RAW_FORMATS:
        return RawUnpacker(negotiated)
    return Decoder("h264") if negotiated.mode.fourcc == H264 else Decoder("mjpeg", is_whole_jpeg)


class RawUnpacker:
    """Points into the copied bytes; nothing is converted here."""

    def __init__(self, negotiated: Negotiated) -> None:
        mode = negotiated.mode
        self._width, self._height = mode.width & ~1, mode.height & ~1
        self._format = RAW_FORMATS[mode.fourcc]
        self._strides, self._offsets, self._size = _layout(self._format, mode.width, mode.height, negotiated.stride)

    def __call__(self, picture: Picture, captured_ns: int) -> VideoFrame | None:
        if len(picture.data) < self._size:
            return None
        start = address_of(picture.data)
        planes = tuple(
            Plane(start + offset, stride) for offset, stride in zip(self._offsets, self._strides, strict=True)
        )
        return VideoFrame(self._width, self._height, self._format, planes, captured_ns, picture.data)


class Decoder:
    """Decodes with FFmpeg, one picture in, one frame out.

    is_whole: tells pictures that are not worth decoding.
    """

    def __init__(self, codec: str, is_whole: Callable[[bytes], bool] = lambda data: True) -> None:
        import av

        self._av = av
        self._is_whole = is_whole
        self._decoder: Any = av.CodecContext.create(codec, "r")
        # Frame threads would hold pictures back; one 720p picture takes 2 ms.
        self._decoder.thread_count = 1

    def __call__(self, picture: Picture, captured_ns: int) -> VideoFrame | None:
        if not self._is_whole(picture.data):
            return None
        frames = self._decoded(picture.data)
        if not frames:
            return None
        frame = frames[-1]
        planes = tuple(Plane(plane.buffer_ptr, plane.line_size) for plane in frame.planes)
        width, height = frame.width & ~1, frame.height & ~1
        return VideoFrame(width, height, frame.format.name, planes, captured_ns, frame)

    def _decoded(self, data: bytes) -> list[Any]:
        try:
            frames: list[Any] = self._decoder.decode(self._av.Packet(data))
        except self._av.FFmpegError:
            return []
        return frames


def _layout(pixel_format: str, width: int, height: int, stride: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Strides and offsets of the planes, and the bytes of a whole picture (V4L2 pixel format pages)."""
    if pixel_format in _PACKED_BYTES:
        stride = max(stride, width * _PACKED_BYTES[pixel_format])
        return (stride,), (0,), stride * height
    stride = max(stride, width)
    luma = stride * height
    if pixel_format == "nv12":
        return (stride, stride), (0, luma), luma + stride * (height // 2)
    chroma = stride // 2 * (height // 2)
    return (stride, stride // 2, stride // 2), (0, luma, luma + chroma), luma + 2 * chroma


_PACKED_BYTES = {"yuyv422": 2, "uyvy422": 2, "rgb24": 3, "bgr24": 3}
"""Per pixel."""
