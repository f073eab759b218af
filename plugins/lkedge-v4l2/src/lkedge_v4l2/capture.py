"""Streaming with mapped buffers: queue, wait, take the newest or the next."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import select
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge.errors import SourceLost
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.device import Device
from lkedge_v4l2.kernel import Kernel, Memory

BUFFERS = 4

_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


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

    def __init__(self, device: Device, kernel: Kernel) -> None:
        """Allocate the buffers and start. Raises OSError."""
        self.dropped = 0
        self.broken = 0
        self._fd = device.fd
        self._path = device.path
        self._type = device.buffer_type
        self._planes = (v4l2.Plane * 1)() if device.is_multiplanar else None
        self._kernel = kernel
        self._buffers: list[Memory] = []
        try:
            self._allocate()
            self._kernel.ioctl(self._fd, v4l2.STREAMON, ctypes.c_int32(self._type))
        except BaseException:
            self.stop()
            raise

    def take_newest(self, timeout_s: float) -> Picture | None:
        """The newest picture, older ones dropped; None when there is none within the time.

        Raises:
            SourceLost: the device has gone.
        """
        newest: Picture | None = None
        for picture in self._ready(timeout_s):
            self.dropped += newest is not None
            newest = picture
        return newest

    def take_all(self, timeout_s: float) -> list[Picture]:
        """All pictures that are ready, in order, none dropped. Raises as `take_newest`."""
        return list(self._ready(timeout_s))

    def stop(self) -> None:
        """Stop, and give the buffers back; a device that has gone does not mind."""
        with contextlib.suppress(OSError):
            self._kernel.ioctl(self._fd, v4l2.STREAMOFF, ctypes.c_int32(self._type))
        for memory in self._buffers:
            memory.close()
        self._buffers.clear()
        with contextlib.suppress(OSError):
            self._request(0)

    def _ready(self, timeout_s: float) -> Iterator[Picture]:
        """The whole pictures among at most one round of the buffers."""
        events = self._kernel.wait(self._fd, timeout_s)
        if not events:
            return
        for count in range(BUFFERS):
            buffer = self._dequeue()
            if buffer is None:
                if not count and events & _GONE:
                    raise SourceLost(f"{self._path}: the camera has stopped; it is opened again")
                return
            picture = self._copied(buffer)
            self._queue(buffer.index)
            if picture is not None:
                yield picture

    def _allocate(self) -> None:
        for index in range(self._request(BUFFERS)):
            buffer = self._buffer(index)
            self._kernel.ioctl(self._fd, v4l2.QUERYBUF, buffer)
            length = buffer.length if self._planes is None else self._planes[0].length
            offset = buffer.m.offset if self._planes is None else self._planes[0].m.mem_offset
            self._buffers.append(self._kernel.map(self._fd, length, offset))
            self._kernel.ioctl(self._fd, v4l2.QBUF, self._buffer(index))
        if not self._buffers:
            raise OSError(errno.ENOMEM, "it has no memory for buffers")

    def _request(self, count: int) -> int:
        request = v4l2.RequestBuffers(count=count, type=self._type, memory=v4l2.MEMORY_MMAP)
        self._kernel.ioctl(self._fd, v4l2.REQBUFS, request)
        return int(request.count)

    def _dequeue(self) -> v4l2.Buffer | None:
        buffer = self._buffer(0)
        try:
            self._kernel.ioctl(self._fd, v4l2.DQBUF, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise self._lost(error) from error
        return buffer

    def _queue(self, index: int) -> None:
        try:
            self._kernel.ioctl(self._fd, v4l2.QBUF, self._buffer(index))
        except OSError as error:
            raise self._lost(error) from error

    def _copied(self, buffer: v4l2.Buffer) -> Picture | None:
        used = _used(buffer) if self._planes is None else _used_of_plane(self._planes[0])
        if buffer.flags & v4l2.BUF_FLAG_ERROR or used.start >= used.stop:
            self.broken += 1
            return None
        return Picture(self._buffers[buffer.index][used], _timestamp_ns(buffer), buffer.sequence)

    def _buffer(self, index: int) -> v4l2.Buffer:
        buffer = v4l2.Buffer(index=index, type=self._type, memory=v4l2.MEMORY_MMAP)
        if self._planes is not None:
            buffer.m.planes, buffer.length = ctypes.addressof(self._planes), len(self._planes)
        return buffer

    def _lost(self, error: OSError) -> SourceLost:
        if error.errno == errno.ENODEV:
            return SourceLost(f"{self._path}: the camera was unplugged")
        return SourceLost(f"{self._path}: the camera failed while capturing: {error.strerror or error}")


def _used(buffer: v4l2.Buffer) -> slice:
    return slice(0, buffer.bytesused)


def _used_of_plane(plane: v4l2.Plane) -> slice:
    return slice(plane.data_offset, plane.bytesused)


def _timestamp_ns(buffer: v4l2.Buffer) -> int:
    if buffer.flags & v4l2.BUF_FLAG_TIMESTAMP_MASK != v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC:
        return 0
    return int(buffer.timestamp.tv_sec * 1_000_000_000 + buffer.timestamp.tv_usec * 1000)
