"""A kernel with one scripted camera: answers ioctls as a UVC driver does, from tables."""

from __future__ import annotations

import ctypes
import errno
import os
import select
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lkedge_v4l2 import uvc_h264
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2 import videodev2_controls as v4l2c

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


@dataclass
class FakeControl:
    """menu: names by index. value: None begins at the default."""

    id: int
    name: str
    type: int = v4l2c.TYPE_INTEGER
    minimum: int = 0
    maximum: int = 255
    step: int = 1
    default: int = 0
    flags: int = 0
    menu: dict[int, str] = field(default_factory=dict)
    value: int | bytes | None = None
    writes: list[int | bytes] = field(default_factory=list)


def menu_control(number: int) -> FakeControl:
    """A menu with a gap."""
    return FakeControl(number, "Power Line", v4l2c.TYPE_MENU, 0, 2, 1, 2, menu={0: "off", 2: "50 Hz"})


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
        self._first_memory = 0
        self.queued: deque[int] = deque()
        self.is_streaming = False
        self.chosen: tuple[str, int, int] = ("", 0, 0)
        self.interval: tuple[int, int] = (0, 0)
        self.idle_events = 0
        self.descriptors = b""
        self.controls: list[FakeControl] = []
        self.unit_requests: list[tuple[int, int, bytes]] = []
        self.sequence = 0

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

    def wait(self, fd: int, timeout_s: float) -> int:
        self.on_wait()
        return select.POLLIN if self.camera.pictures or v4l2.DQBUF in self.fail else self.idle_events

    def usb_descriptors(self, path: str) -> bytes:
        return self.descriptors

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
        handlers |= {
            v4l2c.QUERY_EXT_CTRL: self._query_control,
            v4l2c.QUERYMENU: self._query_menu,
            v4l2c.G_EXT_CTRLS: self._get_control,
            v4l2c.S_EXT_CTRLS: self._set_control,
            uvc_h264.UVCIOC_CTRL_QUERY: self._query_unit,
        }
        if request not in handlers:
            raise _error(errno.ENOTTY)
        handlers[request](argument)

    def _maybe_fail(self, request: int | str) -> None:
        if request in self.fail:
            raise _error(self.fail[request])

    def _querycap(self, argument: v4l2.Capability) -> None:
        argument.card = self.camera.card.encode()
        argument.driver = b"uvcvideo"
        argument.bus_info = b"usb-1"
        argument.capabilities = self.camera.caps | v4l2.CAP_VIDEO_CAPTURE | v4l2.CAP_DEVICE_CAPS
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
        is_multiplanar = argument.type == v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE
        pix = argument.fmt.pix_mp if is_multiplanar else argument.fmt.pix
        self.chosen = (v4l2.fourcc_text(pix.pixelformat), pix.width, pix.height)
        plane = pix.plane_fmt[0] if is_multiplanar else pix
        plane.bytesperline = self.camera.stride
        plane.sizeimage = pix.width * pix.height * 2

    def _set_parm(self, argument: v4l2.StreamParm) -> None:
        interval = argument.parm.capture.timeperframe
        self.interval = (interval.numerator, interval.denominator)

    def _request_buffers(self, argument: v4l2.RequestBuffers) -> None:
        self._first_memory = len(self.memory)
        if argument.count == 0:
            self.queued.clear()

    def _query_buffer(self, argument: v4l2.Buffer) -> None:
        if argument.type == v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            plane = v4l2.Plane.from_address(argument.m.planes)
            plane.length, plane.m.mem_offset = 4096, argument.index * 4096
            return
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
        self.memory[self._first_memory + index].data = data
        self.sequence += 1
        argument.index, argument.bytesused, argument.flags = index, len(data), flags
        if argument.type == v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE:
            v4l2.Plane.from_address(argument.m.planes).bytesused = len(data)
        argument.sequence = self.sequence
        argument.timestamp.tv_sec, rest = divmod(timestamp_ns, 1_000_000_000)
        argument.timestamp.tv_usec = rest // 1000

    def _query_control(self, argument: v4l2c.QueryExtCtrl) -> None:
        after = argument.id & ~v4l2c.FLAG_NEXT
        control = _nth(sorted((c for c in self.controls if c.id > after), key=lambda c: c.id), 0)
        argument.id, argument.name, argument.type = control.id, control.name.encode(), control.type
        argument.minimum, argument.maximum, argument.step = control.minimum, control.maximum, control.step
        argument.default_value, argument.flags = control.default, control.flags

    def _query_menu(self, argument: v4l2c.QueryMenu) -> None:
        control = self._control(argument.id)
        if argument.index not in control.menu:
            raise _error(errno.EINVAL)
        name = control.menu[argument.index].encode()
        if control.type == v4l2c.TYPE_INTEGER_MENU:
            name = int(name).to_bytes(8, "little")
        argument.name[: len(name)] = name

    def _get_control(self, argument: v4l2c.ExtControls) -> None:
        asked = v4l2c.ExtControl.from_address(argument.controls)
        control = self._control(asked.id)
        value = control.default if control.value is None else control.value
        if isinstance(value, bytes):
            ctypes.memmove(asked.u.pointer, value + b"\0", len(value) + 1)
        else:
            asked.u.value64 = value

    def _set_control(self, argument: v4l2c.ExtControls) -> None:
        asked = v4l2c.ExtControl.from_address(argument.controls)
        control = self._control(asked.id)
        if control.flags & v4l2c.FLAG_INACTIVE:
            raise _error(errno.EACCES)
        is_text = control.type == v4l2c.TYPE_STRING
        control.value = ctypes.string_at(asked.u.pointer) if is_text else asked.u.value64
        control.writes.append(control.value)

    def _control(self, number: int) -> FakeControl:
        return _nth([control for control in self.controls if control.id == number], 0)

    def _query_unit(self, argument: uvc_h264.XuControlQuery) -> None:
        data = ctypes.string_at(argument.data, argument.size)
        self.unit_requests.append((argument.unit, argument.selector, data))


def _nth(entries: list[Any], index: int) -> Any:
    if index >= len(entries):
        raise _error(errno.EINVAL)
    return entries[index]


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
