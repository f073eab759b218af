"""From the bytes of a camera to a VideoFrame."""

from __future__ import annotations

from collections.abc import Callable

from lkedge.media.frame import Plane, VideoFrame
from lkedge_v4l2.capture import Picture
from lkedge_v4l2.device import Negotiated
from lkedge_v4l2.formats import RAW_FORMATS, is_whole_jpeg
from lkedge_v4l2.kernel import address_of

Unpack = Callable[[Picture, int], VideoFrame | None]
"""From a picture and its capture time; None for one that is damaged."""


def unpacker(negotiated: Negotiated) -> Unpack:
    """What turns the pictures of a format into frames."""
    return RawUnpacker(negotiated) if negotiated.mode.fourcc in RAW_FORMATS else JpegUnpacker()


class RawUnpacker:
    """Points into the copied bytes; nothing is converted here."""

    def __init__(self, negotiated: Negotiated) -> None:
        mode = negotiated.mode
        self._width, self._height = mode.width, mode.height
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


class JpegUnpacker:
    """Decodes MJPEG with FFmpeg, one picture in, one frame out."""

    def __init__(self) -> None:
        import av

        self._av = av
        self._decoder = av.CodecContext.create("mjpeg", "r")
        # Frame threads would hold pictures back; one 720p picture takes 2 ms.
        self._decoder.thread_count = 1

    def __call__(self, picture: Picture, captured_ns: int) -> VideoFrame | None:
        if not is_whole_jpeg(picture.data):
            return None
        try:
            frames = self._decoder.decode(self._av.Packet(picture.data))
        except self._av.FFmpegError:
            return None
        if not frames:
            return None
        frame = frames[-1]
        planes = tuple(Plane(plane.buffer_ptr, plane.line_size) for plane in frame.planes)
        width, height = frame.width & ~1, frame.height & ~1
        return VideoFrame(width, height, frame.format.name, planes, captured_ns, frame)


def _layout(pixel_format: str, width: int, height: int, stride: int) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Strides and offsets of the planes, and the bytes of a whole picture (V4L2 pixel format pages)."""
    if pixel_format == "yuyv422":
        stride = max(stride, width * 2)
        return (stride,), (0,), stride * height
    stride = max(stride, width)
    luma = stride * height
    if pixel_format == "nv12":
        return (stride, stride), (0, luma), luma + stride * (height // 2)
    chroma = stride // 2 * (height // 2)
    return (stride, stride // 2, stride // 2), (0, luma, luma + chroma), luma + 2 * chroma
