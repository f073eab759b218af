"""Streaming with mapped buffers: queue, wait, take the newest."""

from __future__ import annotations

import contextlib
import ctypes
import errno
from dataclasses import dataclass

from lkedge.errors import SourceLost
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.kernel import Kernel, Memory

BUFFERS = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of one picture, copied out of the driver's buffer.

    timestamp_ns: of the driver, CLOCK_MONOTONIC; 0 when the driver uses another clock.
    """

    data: bytes
    timestamp_ns: int
    sequence: int


class Capture:
    """Owns the buffers of one open node; used by one thread.

    dropped: pictures that were skipped because a newer one was there.
    broken: pictures that the driver marked as damaged.
    """

    def __init__(self, fd: int, path: str, kernel: Kernel) -> None:
        """Allocate the buffers and start. Raises OSError."""
        self.dropped = 0
        self.broken = 0
        self._fd = fd
        self._path = path
        self._kernel = kernel
        self._buffers: list[Memory] = []
        try:
            self._allocate()
            self._kernel.ioctl(fd, v4l2.STREAMON, _buffer_type())
        except BaseException:
            self.stop()
            raise

    def take(self, timeout_s: float) -> Picture | None:
        """The newest picture; None when there is none within the time.

        Raises:
            SourceLost: the device has gone.
        """
        if not self._kernel.wait(self._fd, timeout_s):
            return None
        newest: Picture | None = None
        for _ in range(BUFFERS):
            buffer = self._dequeue()
            if buffer is None:
                break
            self.dropped += newest is not None
            newest = self._copied(buffer) or newest
            self._queue(buffer.index)
        return newest

    def stop(self) -> None:
        """Stop, and give the buffers back; a device that has gone does not mind."""
        with contextlib.suppress(OSError):
            self._kernel.ioctl(self._fd, v4l2.STREAMOFF, _buffer_type())
        for memory in self._buffers:
            memory.close()
        self._buffers.clear()
        with contextlib.suppress(OSError):
            self._request(0)

    def _allocate(self) -> None:
        for index in range(self._request(BUFFERS)):
            buffer = _buffer(index)
            self._kernel.ioctl(self._fd, v4l2.QUERYBUF, buffer)
            self._buffers.append(self._kernel.map(self._fd, buffer.length, buffer.m.offset))
            self._kernel.ioctl(self._fd, v4l2.QBUF, _buffer(index))
        if not self._buffers:
            raise OSError(errno.ENOMEM, "it has no memory for buffers")

    def _request(self, count: int) -> int:
        request = v4l2.RequestBuffers(count=count, type=v4l2.BUF_TYPE_VIDEO_CAPTURE, memory=v4l2.MEMORY_MMAP)
        self._kernel.ioctl(self._fd, v4l2.REQBUFS, request)
        return int(request.count)

    def _dequeue(self) -> v4l2.Buffer | None:
        buffer = _buffer(0)
        try:
            self._kernel.ioctl(self._fd, v4l2.DQBUF, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise self._lost(error) from error
        return buffer

    def _queue(self, index: int) -> None:
        try:
            self._kernel.ioctl(self._fd, v4l2.QBUF, _buffer(index))
        except OSError as error:
            raise self._lost(error) from error

    def _copied(self, buffer: v4l2.Buffer) -> Picture | None:
        if buffer.flags & v4l2.BUF_FLAG_ERROR or not buffer.bytesused:
            self.broken += 1
            return None
        data = self._buffers[buffer.index][: buffer.bytesused]
        return Picture(data, _timestamp_ns(buffer), buffer.sequence)

    def _lost(self, error: OSError) -> SourceLost:
        if error.errno == errno.ENODEV:
            return SourceLost(f"{self._path}: the camera was unplugged")
        return SourceLost(f"{self._path}: the camera failed while capturing: {error.strerror or error}")


def _buffer(index: int) -> v4l2.Buffer:
    return v4l2.Buffer(index=index, type=v4l2.BUF_TYPE_VIDEO_CAPTURE, memory=v4l2.MEMORY_MMAP)


def _buffer_type() -> ctypes.c_int32:
    return ctypes.c_int32(v4l2.BUF_TYPE_VIDEO_CAPTURE)


def _timestamp_ns(buffer: v4l2.Buffer) -> int:
    if buffer.flags & v4l2.BUF_FLAG_TIMESTAMP_MASK != v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC:
        return 0
    return int(buffer.timestamp.tv_sec * 1_000_000_000 + buffer.timestamp.tv_usec * 1000)
