"""One of the two buffer queues of a memory-to-memory device, single- or multi-planar alike."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from dataclasses import dataclass
from typing import Any

from lkedge_v4l2 import videodev2 as v4l2

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import M2mKernel

SECOND_US = 1_000_000


class EndOfStream(Exception):
    """The driver has given out the last buffer of a drained stream (EPIPE)."""


@dataclass(frozen=True, slots=True)
class QueueFormat:
    """What is asked of a driver, or what it agreed to.

    stride, size: in bytes, 0 leaves it to the driver. colorspace: V4L2's number, 0 is what the size suggests.
    """

    fourcc: str
    width: int
    height: int
    stride: int = 0
    size: int = 0
    colorspace: int = 0


@dataclass(frozen=True, slots=True)
class Dequeued:
    """A buffer that came back. offset, size: where its payload lies."""

    index: int
    offset: int
    size: int
    flags: int
    timestamp_us: int


class BufferQueue:
    """Owns the buffers of one direction; used by one thread. All errors are OSError."""

    def __init__(self, kernel: M2mKernel, fd: int, buffer_type: int) -> None:
        self._kernel = kernel
        self._fd = fd
        self._type = buffer_type
        self._is_multiplanar = buffer_type >= v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE
        self._memory_kind = v4l2.MEMORY_MMAP
        self.memory: list[Any] = []
        """The mapped buffers, by index; empty when the memory is imported."""
        self.count = 0

    def set_format(self, wanted: QueueFormat) -> QueueFormat:
        """Ask for a format; the driver's answer may differ."""
        request = v4l2.Format(type=self._type)
        fill, read = (_fill_planes, _read_planes) if self._is_multiplanar else (_fill_single, _read_single)
        fill(request, wanted)
        self._kernel.ioctl(self._fd, v4l2.S_FMT, request)
        return read(request)

    def select(self, target: int, width: int, height: int) -> tuple[int, int]:
        """Have only so much of each picture count; the size that the driver allows, 0 where it has no say.

        target: SEL_TGT_CROP of pictures that go in, SEL_TGT_COMPOSE of those that come out.
        """
        # The single-planar number, whatever the interface (struct v4l2_selection).
        is_output = self._type in (m2m.BUF_TYPE_VIDEO_OUTPUT, m2m.BUF_TYPE_VIDEO_OUTPUT_MPLANE)
        kind = m2m.BUF_TYPE_VIDEO_OUTPUT if is_output else v4l2.BUF_TYPE_VIDEO_CAPTURE
        request = m2m.Selection(type=kind, target=target, r=m2m.Rectangle(0, 0, width, height))
        try:
            self._kernel.ioctl(self._fd, m2m.S_SELECTION, request)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ERANGE):
                return 0, 0
            raise
        return request.r.width, request.r.height

    def allocate(self, count: int, memory_kind: int = v4l2.MEMORY_MMAP) -> int:
        """Ask for buffers, map those of the driver; returns how many there are."""
        self._memory_kind = memory_kind
        request = v4l2.RequestBuffers(count=count, type=self._type, memory=memory_kind)
        self._kernel.ioctl(self._fd, v4l2.REQBUFS, request)
        self.count = int(request.count)
        if not self.count:
            raise OSError(errno.ENOMEM, "it has no memory for buffers")
        if memory_kind == v4l2.MEMORY_MMAP:
            self.memory.extend(self._mapped(index) for index in range(self.count))
        return self.count

    def queue(self, index: int, *, size: int = 0, timestamp_us: int = 0, dmabuf: int = -1, length: int = 0) -> None:
        """Hand a buffer to the driver. dmabuf, length: of imported memory."""
        buffer, planes = self._buffer(index)
        buffer.timestamp.tv_sec, buffer.timestamp.tv_usec = divmod(timestamp_us, SECOND_US)
        part = planes[0] if planes is not None else buffer
        part.bytesused = size
        if self._memory_kind == m2m.MEMORY_DMABUF:
            part.m.fd, part.length = dmabuf, length
        buffer.field = m2m.FIELD_NONE
        self._kernel.ioctl(self._fd, v4l2.QBUF, buffer)

    def dequeue(self) -> Dequeued | None:
        """The next buffer that the driver is done with; None when there is none.

        Raises:
            EndOfStream: the stream was drained, nothing more comes.
        """
        buffer, planes = self._buffer(0)
        try:
            self._kernel.ioctl(self._fd, v4l2.DQBUF, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            if error.errno == errno.EPIPE:
                raise EndOfStream from error
            raise
        timestamp_us = buffer.timestamp.tv_sec * SECOND_US + buffer.timestamp.tv_usec
        if planes is None:
            return Dequeued(buffer.index, 0, buffer.bytesused, buffer.flags, timestamp_us)
        offset = planes[0].data_offset
        return Dequeued(buffer.index, offset, planes[0].bytesused - offset, buffer.flags, timestamp_us)

    def export(self, index: int) -> int:
        """A descriptor of the buffer as DMABUF, which the caller closes."""
        request = m2m.ExportBuffer(type=self._type, index=index, flags=os.O_RDWR | os.O_CLOEXEC)
        self._kernel.ioctl(self._fd, m2m.EXPBUF, request)
        return int(request.fd)

    def start(self) -> None:
        """STREAMON."""
        self._kernel.ioctl(self._fd, v4l2.STREAMON, ctypes.c_int32(self._type))

    def stop(self) -> None:
        """STREAMOFF: all buffers come back at once."""
        self._kernel.ioctl(self._fd, v4l2.STREAMOFF, ctypes.c_int32(self._type))

    def release(self) -> None:
        """Stop, and give the buffers back; a device that has gone does not mind."""
        with contextlib.suppress(OSError):
            self.stop()
        for memory in self.memory:
            # A picture that somebody still holds keeps its memory, and takes it along when it goes.
            with contextlib.suppress(BufferError):
                memory.close()
        self.memory.clear()
        self.count = 0
        with contextlib.suppress(OSError):
            request = v4l2.RequestBuffers(count=0, type=self._type, memory=self._memory_kind)
            self._kernel.ioctl(self._fd, v4l2.REQBUFS, request)

    def _mapped(self, index: int) -> Any:
        buffer, planes = self._buffer(index)
        self._kernel.ioctl(self._fd, v4l2.QUERYBUF, buffer)
        if planes is None:
            return self._kernel.map(self._fd, buffer.length, buffer.m.offset)
        return self._kernel.map(self._fd, planes[0].length, planes[0].m.mem_offset)

    def _buffer(self, index: int) -> tuple[v4l2.Buffer, ctypes.Array[v4l2.Plane] | None]:
        """An empty request. The planes must live until the call is over: the buffer only points to them."""
        buffer = v4l2.Buffer(index=index, type=self._type, memory=self._memory_kind)
        if not self._is_multiplanar:
            return buffer, None
        planes = (v4l2.Plane * 1)()
        buffer.m.userptr = ctypes.addressof(planes)
        buffer.length = 1
        return buffer, planes


def _fill_single(request: v4l2.Format, wanted: QueueFormat) -> None:
    pix = request.fmt.pix
    pix.width, pix.height, pix.pixelformat = wanted.width, wanted.height, v4l2.fourcc(wanted.fourcc)
    pix.bytesperline, pix.sizeimage = wanted.stride, wanted.size
    pix.field, pix.colorspace = m2m.FIELD_NONE, wanted.colorspace or colorspace_of(wanted.height)
    pix.quantization = m2m.QUANTIZATION_LIM_RANGE


def _read_single(request: v4l2.Format) -> QueueFormat:
    pix = request.fmt.pix
    code = v4l2.fourcc_text(pix.pixelformat)
    return QueueFormat(code, pix.width, pix.height, pix.bytesperline, pix.sizeimage)


def _fill_planes(request: v4l2.Format, wanted: QueueFormat) -> None:
    pix = v4l2.PixFormatMplane.from_buffer(request.fmt)
    pix.width, pix.height, pix.pixelformat = wanted.width, wanted.height, v4l2.fourcc(wanted.fourcc)
    pix.num_planes = 1
    pix.plane_fmt[0].bytesperline, pix.plane_fmt[0].sizeimage = wanted.stride, wanted.size
    pix.field, pix.colorspace = m2m.FIELD_NONE, wanted.colorspace or colorspace_of(wanted.height)
    pix.quantization = m2m.QUANTIZATION_LIM_RANGE


def _read_planes(request: v4l2.Format) -> QueueFormat:
    pix = v4l2.PixFormatMplane.from_buffer(request.fmt)
    if pix.num_planes != 1:
        raise OSError(errno.EINVAL, f"it wants {pix.num_planes} separate planes")
    plane = pix.plane_fmt[0]
    code = v4l2.fourcc_text(pix.pixelformat)
    return QueueFormat(code, pix.width, pix.height, plane.bytesperline, plane.sizeimage)


def colorspace_of(height: int) -> int:
    """What the rest of lkedge means by limited-range Y'CbCr of that height (ITU-R BT.601 and BT.709)."""
    return m2m.COLORSPACE_REC709 if height >= 720 else m2m.COLORSPACE_SMPTE170M
