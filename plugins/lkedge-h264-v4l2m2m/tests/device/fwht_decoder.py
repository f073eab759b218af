"""vicodec's own decoder node: what a receiver of FWHT would see."""

from __future__ import annotations

from typing import Any

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import READABLE, LinuxM2mKernel
from lkedge_h264_v4l2m2m.picture import layout_of
from lkedge_h264_v4l2m2m.queue import BufferQueue, QueueFormat
from lkedge_v4l2 import videodev2 as v4l2

DEADLINE_S = 10.0


class FwhtDecoder:
    """Decodes one stream, frame by frame, into luma without padding."""

    def __init__(self, path: str, width: int, height: int, *, is_multiplanar: bool) -> None:
        self._size = (width, height)
        self._kernel = LinuxM2mKernel()
        self._fd = self._kernel.open(path)
        types = (
            (m2m.BUF_TYPE_VIDEO_OUTPUT_MPLANE, v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE)
            if is_multiplanar
            else (m2m.BUF_TYPE_VIDEO_OUTPUT, v4l2.BUF_TYPE_VIDEO_CAPTURE)
        )
        self._coded, self._raw = (BufferQueue(self._kernel, self._fd, each) for each in types)
        self._layout: Any = None
        self._coded.set_format(QueueFormat("FWHT", width, height))
        self._coded.allocate(2)

    def decode(self, data: bytes) -> bytes:
        """The luma of one frame."""
        self._coded.memory[0][: len(data)] = data
        self._coded.queue(0, size=len(data))
        if self._layout is None:
            self._start()
        while (done := self._raw.dequeue()) is None:
            assert self._kernel.poll(self._fd, READABLE, DEADLINE_S), "vicodec's decoder gives out nothing"
        assert self._coded.dequeue() is not None
        assert not done.flags & v4l2.BUF_FLAG_ERROR, "vicodec's decoder calls the frame damaged"
        luma = self._luma(self._raw.memory[done.index])
        self._raw.queue(done.index)
        return luma

    def close(self) -> None:
        self._coded.release()
        self._raw.release()
        self._kernel.close(self._fd)

    def _start(self) -> None:
        """The driver knows the format of its pictures once it has seen a header."""
        self._coded.start()
        self._layout = layout_of(self._raw.set_format(QueueFormat("YU12", *self._size)), *self._size)
        for index in range(self._raw.allocate(2)):
            self._raw.queue(index)
        self._raw.start()

    def _luma(self, memory: Any) -> bytes:
        width, height = self._size
        stride = self._layout.stride
        return b"".join(memory[row * stride : row * stride + width] for row in range(height))
