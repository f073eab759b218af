"""A kernel with one scripted camera: answers ioctls as a UVC driver does, from tables."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lkedge_v4l2 import videodev2 as v4l2

CAPTURE_NODE = v4l2.CAP_VIDEO_CAPTURE | v4l2.CAP_STREAMING
FD = 7


@dataclass
class FakeCamera:
    """sizes: by fourcc and size the framerates; pictures: what DQBUF gives, (data, timestamp_ns, flags)."""

    sizes: dict[str, dict[tuple[int, int], list[int]]]
    card: str = "Fake Cam"
    caps: int = CAPTURE_NODE
    stride: int = 0
    stepwise: tuple[int, ...] = ()
    pictures: deque[tuple[bytes, int, int]] = field(default_factory=deque)


class FakeMemory:
    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def __getitem__(self, index: slice) -> bytes:
        assert not self.closed, "read after unmap"
        return self.data[index]

    def close(self) -> None:
        self.closed = True


class FakeKernel:
    """fail: by request number, the errno to raise. on_wait: called before each answer of wait."""

    def __init__(self, camera: FakeCamera, path: str = "/dev/video0") -> None:
        self.camera = camera
        self.path = path
        self.fail: dict[int | str, int] = {}
        self.on_wait: Callable[[], None] = lambda: None
        self.link_table: dict[str, dict[str, str]] = {}
        self.open_fds: list[int] = []
        self.memory: list[FakeMemory] = []
        self.queued: deque[int] = deque()
        self.is_streaming = False
        self.chosen: tuple[str, int, int] = ("", 0, 0)
        self.interval: tuple[int, int] = (0, 0)
        self._sequence = 0

    def video_nodes(self) -> list[str]:
        return [self.path]

    def links(self, directory: str) -> dict[str, str]:
        return self.link_table.get(directory, {})

    def exists(self, path: str) -> bool:
        return path == self.path or any(path == f"{d}/{n}" for d, t in self.link_table.items() for n in t)

    def open(self, path: str) -> int:
        self._maybe_fail("open")
        if not self.exists(path):
            raise _error(errno.ENOENT)
        self.open_fds.append(FD)
        return FD

    def close(self, fd: int) -> None:
        self.open_fds.remove(fd)

    def map(self, fd: int, length: int, offset: int) -> FakeMemory:
        self.memory.append(FakeMemory())
        return self.memory[-1]

    def wait(self, fd: int, timeout_s: float) -> bool:
        self.on_wait()
        return bool(self.camera.pictures) or v4l2.DQBUF in self.fail

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        assert fd in self.open_fds, "ioctl on a closed descriptor"
        self._maybe_fail(request)
        handlers = {
            v4l2.QUERYCAP: self._querycap,
            v4l2.ENUM_FMT: self._enum_fmt,
            v4l2.ENUM_FRAMESIZES: self._enum_sizes,
            v4l2.ENUM_FRAMEINTERVALS: self._enum_intervals,
            v4l2.S_FMT: self._set_format,
            v4l2.S_PARM: self._set_parm,
            v4l2.REQBUFS: self._request_buffers,
            v4l2.QUERYBUF: self._query_buffer,
            v4l2.QBUF: self._queue_buffer,
            v4l2.DQBUF: self._dequeue_buffer,
            v4l2.STREAMON: lambda _: setattr(self, "is_streaming", True),
            v4l2.STREAMOFF: lambda _: setattr(self, "is_streaming", False),
        }
        handlers[request](argument)

    def _maybe_fail(self, request: int | str) -> None:
        if request in self.fail:
            raise _error(self.fail[request])

    def _querycap(self, argument: v4l2.Capability) -> None:
        argument.card = self.camera.card.encode()
        argument.driver = b"uvcvideo"
        argument.bus_info = b"usb-1"
        argument.capabilities = self.camera.caps | CAPTURE_NODE | v4l2.CAP_DEVICE_CAPS
        argument.device_caps = self.camera.caps

    def _enum_fmt(self, argument: v4l2.FormatDescription) -> None:
        argument.pixelformat = v4l2.fourcc(_nth(list(self.camera.sizes), argument.index))

    def _enum_sizes(self, argument: v4l2.FrameSizeEnum) -> None:
        if self.camera.stepwise:
            argument.type = 3
            argument.values[:] = self.camera.stepwise
            return
        argument.type = v4l2.FRMSIZE_TYPE_DISCRETE
        sizes = list(self.camera.sizes[v4l2.fourcc_text(argument.pixel_format)])
        argument.values[0], argument.values[1] = _nth(sizes, argument.index)

    def _enum_intervals(self, argument: v4l2.FrameIntervalEnum) -> None:
        sizes = self.camera.sizes[v4l2.fourcc_text(argument.pixel_format)]
        argument.type = v4l2.FRMIVAL_TYPE_DISCRETE
        rate = _nth(sizes.get((argument.width, argument.height), []), argument.index)
        argument.values[0] = v4l2.Fraction(1, rate)

    def _set_format(self, argument: v4l2.Format) -> None:
        pix = argument.fmt.pix
        self.chosen = (v4l2.fourcc_text(pix.pixelformat), pix.width, pix.height)
        pix.bytesperline = self.camera.stride
        pix.sizeimage = pix.width * pix.height * 2

    def _set_parm(self, argument: v4l2.StreamParm) -> None:
        interval = argument.parm.capture.timeperframe
        self.interval = (interval.numerator, interval.denominator)

    def _request_buffers(self, argument: v4l2.RequestBuffers) -> None:
        if argument.count == 0:
            self.queued.clear()

    def _query_buffer(self, argument: v4l2.Buffer) -> None:
        argument.length = 4096
        argument.m.offset = argument.index * 4096

    def _queue_buffer(self, argument: v4l2.Buffer) -> None:
        assert argument.index not in self.queued, "a buffer was queued twice"
        self.queued.append(argument.index)

    def _dequeue_buffer(self, argument: v4l2.Buffer) -> None:
        if not (self.camera.pictures and self.queued and self.is_streaming):
            raise _error(errno.EAGAIN)
        data, timestamp_ns, flags = self.camera.pictures.popleft()
        index = self.queued.popleft()
        self.memory[index].data = data
        self._sequence += 1
        argument.index, argument.bytesused, argument.flags = index, len(data), flags
        argument.sequence = self._sequence
        argument.timestamp.tv_sec, rest = divmod(timestamp_ns, 1_000_000_000)
        argument.timestamp.tv_usec = rest // 1000


def _nth(entries: list[Any], index: int) -> Any:
    if index >= len(entries):
        raise _error(errno.EINVAL)
    return entries[index]


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
