"""What the fake encoder and the fake scaler have in common: formats, buffers, both queues."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_v4l2 import videodev2 as v4l2

CAPTURE_OFFSET = 1 << 20
BYTES_PER_PIXEL = {"YUYV": 2, "RGB3": 3}


class ManualClock:
    def __init__(self) -> None:
        self.now_ns = 100_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0


@dataclass
class FakeDevice:
    """A driver and its script.

    raw, made: the formats that go in and come out. sizes: smallest and largest side. blocks:
    width and height are rounded up to these. stride: rows are rounded up to so many bytes.
    stall_at, damage_at: number of the picture, from 0. fail: by request, the errno.
    """

    card: str = ""
    driver: str = ""
    raw: tuple[str, ...] = ("YU12", "NV12")
    made: tuple[str, ...] = ()
    is_compressing: bool = False
    is_multiplanar: bool = True
    sizes: tuple[int, int] = (32, 1920)
    blocks: tuple[int, int] = (2, 2)
    stride: int = 64
    can_crop: bool = True
    can_import: bool = True
    latency_ns: int = 0
    stall_at: int = -1
    damage_at: int = -1
    fail: dict[int | str, int] = field(default_factory=dict)

    def maybe_fail(self, request: int | str) -> None:
        if request in self.fail:
            raise error(self.fail[request])


@dataclass
class Made:
    """Something that comes out, from this time on."""

    data: bytes
    timestamp: tuple[int, int]
    flags: int
    ready_ns: int = 0


class FakeContext:
    """One opening of the device."""

    def __init__(self, device: FakeDevice, clock: ManualClock) -> None:
        self.device = device
        self.clock = clock
        self.order: list[str] = []
        self.formats: dict[str, tuple[str, int, int, int, int]] = {}
        self.colours: dict[str, int] = {}
        self.visible: dict[str, tuple[int, int]] = {}
        self.kind: dict[str, int] = {}
        self.memory: dict[str, list[mmap.mmap]] = {"output": [], "capture": []}
        self.files: dict[str, list[int]] = {"output": [], "capture": []}
        self.streaming: set[str] = set()
        self.queued_pictures: set[int] = set()
        self.done: deque[int] = deque()
        self.free: deque[int] = deque()
        self.coded: deque[Made] = deque()
        self.seen = 0
        self.is_ended = False
        self.handlers: dict[int, Callable[[Any], None]] = {
            v4l2.QUERYCAP: self._querycap,
            v4l2.ENUM_FMT: self._enum_fmt,
            v4l2.S_FMT: self._set_format,
            v4l2.REQBUFS: self._request_buffers,
            v4l2.QUERYBUF: self._query_buffer,
            v4l2.QBUF: self._queue_buffer,
            v4l2.DQBUF: self._dequeue_buffer,
            v4l2.STREAMON: self._stream_on,
            v4l2.STREAMOFF: self._stream_off,
            m2m.S_SELECTION: self._select,
            m2m.EXPBUF: self._export,
        }

    @property
    def has_made(self) -> bool:
        return bool(self.coded) and self.coded[0].ready_ns <= self.clock.now_ns

    def ioctl(self, request: int, argument: Any) -> None:
        self.device.maybe_fail(request)
        self.handlers[request](argument)

    def map(self, length: int, offset: int) -> mmap.mmap:
        side = "output" if offset < CAPTURE_OFFSET else "capture"
        file = os.memfd_create(side)
        os.ftruncate(file, length)
        memory = mmap.mmap(file, length)
        self.files[side].append(file)
        self.memory[side].append(memory)
        return memory

    def close(self) -> None:
        for file in self.files["output"] + self.files["capture"]:
            os.close(file)

    def accept(self, index: int, timestamp: tuple[int, int], content: bytes) -> None:
        """A picture was queued."""
        raise NotImplementedError

    def work(self) -> None:
        """Both queues may have changed."""

    def stopped(self, side: str) -> None:
        """Its queue was stopped."""

    def read(self, index: int) -> None:
        """The driver is done with this picture."""
        self.done.append(index)
        self.queued_pictures.discard(index)

    def side(self, buffer_type: int) -> str:
        expected = (10, 9) if self.device.is_multiplanar else (2, 1)
        assert buffer_type in expected, f"buffer type {buffer_type} of the other interface"
        return "output" if buffer_type == expected[0] else "capture"

    def _querycap(self, argument: v4l2.Capability) -> None:
        argument.card, argument.driver = self.device.card.encode(), self.device.driver.encode()
        argument.bus_info = b"platform:encoder"
        kind = m2m.CAP_VIDEO_M2M_MPLANE if self.device.is_multiplanar else m2m.CAP_VIDEO_M2M
        argument.device_caps = kind | v4l2.CAP_STREAMING
        argument.capabilities = argument.device_caps | v4l2.CAP_DEVICE_CAPS

    def _enum_fmt(self, argument: v4l2.FormatDescription) -> None:
        is_output = self.side(argument.type) == "output"
        codes = self.device.raw if is_output else self.device.made
        if argument.index >= len(codes):
            raise error(errno.EINVAL)
        argument.pixelformat = v4l2.fourcc(codes[argument.index])
        argument.flags = m2m.FMT_FLAG_COMPRESSED if self.device.is_compressing and not is_output else 0

    def _set_format(self, argument: v4l2.Format) -> None:
        side, device = self.side(argument.type), self.device
        assert not self.memory[side], "S_FMT while buffers are allocated"
        self.order.append(f"S_FMT {side}")
        pix: Any = v4l2.PixFormatMplane.from_buffer(argument.fmt) if device.is_multiplanar else argument.fmt.pix
        low, high = device.sizes
        pix.width = up(min(max(pix.width, low), high), device.blocks[0])
        pix.height = up(min(max(pix.height, low), high), device.blocks[1])
        part = pix.plane_fmt[0] if device.is_multiplanar else pix
        offered, code = device.raw if side == "output" else device.made, v4l2.fourcc_text(pix.pixelformat)
        code = code if code in offered else offered[0]
        pix.pixelformat = v4l2.fourcc(code)
        if side == "output" or not device.is_compressing:
            row = pix.width * BYTES_PER_PIXEL.get(code, 1)
            part.bytesperline = up(max(row, part.bytesperline), device.stride)
            part.sizeimage = part.bytesperline * pix.height * (2 if code in BYTES_PER_PIXEL else 3) // 2
            self.visible[side] = (pix.width, pix.height)
        self.colours[side] = pix.colorspace
        self.formats[side] = (code, pix.width, pix.height, part.bytesperline, part.sizeimage)

    def _select(self, argument: m2m.Selection) -> None:
        if not self.device.can_crop:
            raise error(errno.ENOTTY)
        self.order.append("S_SELECTION")
        side = "output" if argument.type == m2m.BUF_TYPE_VIDEO_OUTPUT else "capture"
        _, width, height, _, _ = self.formats[side]
        low = self.device.sizes[0]
        argument.r.width = min(max(argument.r.width, low), width)
        argument.r.height = min(max(argument.r.height, low), height)
        self.visible[side] = (argument.r.width, argument.r.height)

    def _request_buffers(self, argument: v4l2.RequestBuffers) -> None:
        side = self.side(argument.type)
        assert side not in self.streaming, "REQBUFS while streaming"
        if argument.count == 0:
            self.memory[side].clear()
            return
        if argument.memory == m2m.MEMORY_DMABUF and not self.device.can_import:
            raise error(errno.EINVAL)
        self.order.append(f"REQBUFS {side}")
        self.kind[side] = argument.memory

    def _query_buffer(self, argument: v4l2.Buffer) -> None:
        side = self.side(argument.type)
        offset = (argument.index << 4) + (0 if side == "output" else CAPTURE_OFFSET)
        size = self.formats[side][4]
        if not self.device.is_multiplanar:
            argument.length, argument.m.offset = size, offset
            return
        plane = v4l2.Plane.from_address(argument.m.userptr)
        plane.length, plane.m.mem_offset = size, offset

    def _export(self, argument: m2m.ExportBuffer) -> None:
        argument.fd = os.dup(self.files[self.side(argument.type)][argument.index])

    def _queue_buffer(self, argument: v4l2.Buffer) -> None:
        if self.side(argument.type) == "capture":
            assert argument.index not in self.free, "a buffer was queued twice"
            self.free.append(argument.index)
            return
        part = v4l2.Plane.from_address(argument.m.userptr) if self.device.is_multiplanar else argument
        assert argument.index not in self.queued_pictures, "a picture buffer was queued twice"
        content = self._content(argument.index, part)
        self.queued_pictures.add(argument.index)
        self.accept(argument.index, (argument.timestamp.tv_sec, argument.timestamp.tv_usec), content)
        self.work()

    def _content(self, index: int, part: Any) -> bytes:
        if self.kind["output"] != m2m.MEMORY_DMABUF:
            assert part.bytesused == self.formats["output"][4], "the payload is not a whole picture"
            return bytes(self.memory["output"][index][:])
        if part.length < self.formats["output"][4] or "dmabuf" in self.device.fail:
            raise error(errno.EINVAL)
        return os.pread(part.m.fd, part.length, 0)

    def _dequeue_buffer(self, argument: v4l2.Buffer) -> None:
        if self.side(argument.type) == "output":
            if not self.done:
                raise error(errno.EAGAIN)
            argument.index = self.done.popleft()
            return
        if not self.has_made:
            raise error(errno.EPIPE if self.is_ended and not self.coded else errno.EAGAIN)
        assert self.free, "the driver has no buffer for what it made"
        made, argument.index = self.coded.popleft(), self.free.popleft()
        self.memory["capture"][argument.index][: len(made.data)] = made.data
        argument.flags = made.flags
        argument.timestamp.tv_sec, argument.timestamp.tv_usec = made.timestamp
        part = v4l2.Plane.from_address(argument.m.userptr) if self.device.is_multiplanar else argument
        part.bytesused = len(made.data)

    def _stream_on(self, argument: ctypes.c_int32) -> None:
        side = self.side(argument.value)
        self.order.append(f"STREAMON {side}")
        self.streaming.add(side)
        self.work()

    def _stream_off(self, argument: ctypes.c_int32) -> None:
        side = self.side(argument.value)
        self.order.append(f"STREAMOFF {side}")
        self.streaming.discard(side)
        self.is_ended = False
        if side == "output":
            self.queued_pictures.clear()
            self.done.clear()
        else:
            self.free.clear()
            self.coded.clear()
        self.stopped(side)


def up(value: int, step: int) -> int:
    return -(-value // step) * step


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
