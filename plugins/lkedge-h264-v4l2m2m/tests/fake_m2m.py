"""A kernel with one encoder block: answers ioctls as a stateful encoder driver does.

Each `open` is an encoder of its own, as on a real block. Pictures are encoded when they are
queued; what comes out, and when, follows the script in `FakeBlock`.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fake_codec import FakeCodec, ToyCodec, annex_b
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import READABLE, WRITABLE
from lkedge_v4l2 import videodev2 as v4l2

BCM_CONTROLS = {
    m2m.CID_BITRATE: (25_000, 25_000_000, 25_000, 10_000_000),
    m2m.CID_BITRATE_MODE: (0, 1, 1, 0),
    m2m.CID_REPEAT_SEQ_HEADER: (0, 1, 1, 0),
    m2m.CID_H264_I_PERIOD: (0, 0x7FFFFFFF, 1, 60),
    m2m.CID_GOP_SIZE: (0, 0x7FFFFFFF, 1, 60),
    m2m.CID_H264_PROFILE: (0, 4, 1, 4),
    m2m.CID_H264_LEVEL: (0, 15, 1, 11),
    m2m.CID_FORCE_KEY_FRAME: (0, 0, 0, 0),
}
"""Minimum, maximum, step and default, as bcm2835-codec has them."""


class ManualClock:
    def __init__(self) -> None:
        self.now_ns = 100_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0


@dataclass
class FakeBlock:
    """The driver and its script.

    sizes: smallest and largest side. blocks: width and height are rounded up to these.
    stride: rows are rounded up to so many bytes. separate_headers: SPS and PPS come once, in a
    buffer of their own without a time. held: pictures kept back. stall_at, drop_at,
    damage_at: number of the picture, from 0. fail: by request, the errno.
    """

    card: str = "bcm2835-codec-encode"
    driver: str = "bcm2835-codec"
    coded: str = "H264"
    raw: tuple[str, ...] = ("YU12", "NV12")
    is_multiplanar: bool = True
    sizes: tuple[int, int] = (32, 1920)
    blocks: tuple[int, int] = (2, 2)
    stride: int = 64
    can_crop: bool = True
    can_import: bool = True
    has_interval: bool = True
    copies_time: bool = True
    flags_keys: bool = True
    separate_headers: bool = False
    garbage_first: bool = False
    held: int = 0
    latency_ns: int = 0
    stall_at: int = -1
    drop_at: int = -1
    damage_at: int = -1
    codec: Callable[[int, int], FakeCodec] = ToyCodec
    controls: dict[int, tuple[int, int, int, int]] = field(default_factory=lambda: dict(BCM_CONTROLS))
    fail: dict[int | str, int] = field(default_factory=dict)


@dataclass
class Picture:
    index: int
    timestamp: tuple[int, int]
    i420: bytes


@dataclass
class CodedBuffer:
    data: bytes
    timestamp: tuple[int, int]
    flags: int
    ready_ns: int = 0


class Context:
    """One open encoder."""

    def __init__(self) -> None:
        self.controls: dict[int, int] = {}
        self.order: list[str] = []
        self.formats: dict[str, tuple[str, int, int, int, int]] = {}
        self.crop = (0, 0)
        self.framerate = 30.0
        self.kind: dict[str, int] = {}
        self.memory: dict[str, list[mmap.mmap]] = {"output": [], "capture": []}
        self.streaming: set[str] = set()
        self.waiting: deque[Picture] = deque()
        self.queued_pictures: set[int] = set()
        self.done: deque[int] = deque()
        self.free: deque[int] = deque()
        self.coded: deque[CodedBuffer] = deque()
        self.codec: FakeCodec | None = None
        self.seen = 0
        self.wants_key = True
        self.sent_headers = False
        self.is_draining = False
        self.is_ended = False


class FakeM2mKernel:
    """log: names of the calls that change something, in order, of all contexts."""

    def __init__(self, block: FakeBlock | None = None, *, clock: ManualClock | None = None, path: str = "/dev/video11"):
        self.block = block or FakeBlock()
        self.clock = clock or ManualClock()
        self.path = path
        self.contexts: dict[int, Context] = {}
        self.closed: list[Context] = []
        self.opened = 0

    @property
    def context(self) -> Context:
        """The newest open encoder."""
        return self.contexts[max(self.contexts)]

    def video_nodes(self) -> list[str]:
        return [self.path]

    def open(self, path: str) -> int:
        self._maybe_fail("open")
        if path != self.path:
            raise _error(errno.ENOENT)
        self.opened += 1
        fd = 1000 + self.opened
        self.contexts[fd] = Context()
        return fd

    def close(self, fd: int) -> None:
        self.closed.append(self.contexts.pop(fd))

    def map(self, fd: int, length: int, offset: int) -> Any:
        side = "output" if offset < 1 << 20 else "capture"
        memory = mmap.mmap(-1, length)
        self.contexts[fd].memory[side].append(memory)
        return memory

    def poll(self, fd: int, events: int, timeout_s: float) -> int:
        context = self.contexts[fd]
        found = self._events(context) & events
        if not found:
            waited_ns = max(1, round(timeout_s * 1e9))
            if context.coded and context.coded[0].ready_ns > self.clock.now_ns:
                waited_ns = min(waited_ns, context.coded[0].ready_ns - self.clock.now_ns)
            self.clock.now_ns += waited_ns
            found = self._events(context) & events
        return found

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        assert fd in self.contexts, "ioctl on a closed descriptor"
        self._maybe_fail(request)
        context = self.contexts[fd]
        handlers: dict[int, Callable[[Context, Any], None]] = {
            v4l2.QUERYCAP: self._querycap,
            v4l2.ENUM_FMT: self._enum_fmt,
            v4l2.S_FMT: self._set_format,
            v4l2.S_PARM: self._set_interval,
            v4l2.REQBUFS: self._request_buffers,
            v4l2.QUERYBUF: self._query_buffer,
            v4l2.QBUF: self._queue_buffer,
            v4l2.DQBUF: self._dequeue_buffer,
            v4l2.STREAMON: self._stream_on,
            v4l2.STREAMOFF: self._stream_off,
            m2m.S_SELECTION: self._select,
            m2m.QUERYCTRL: self._query_control,
            m2m.G_CTRL: self._get_control,
            m2m.S_CTRL: self._set_control,
            m2m.ENCODER_CMD: self._command,
        }
        handlers[request](context, argument)

    def _events(self, context: Context) -> int:
        has_coded = bool(context.coded) and context.coded[0].ready_ns <= self.clock.now_ns
        return (READABLE if has_coded else 0) | (WRITABLE if context.done else 0)

    def _maybe_fail(self, request: int | str) -> None:
        if request in self.block.fail:
            raise _error(self.block.fail[request])

    def _querycap(self, context: Context, argument: v4l2.Capability) -> None:
        argument.card, argument.driver = self.block.card.encode(), self.block.driver.encode()
        argument.bus_info = b"platform:encoder"
        kind = m2m.CAP_VIDEO_M2M_MPLANE if self.block.is_multiplanar else m2m.CAP_VIDEO_M2M
        argument.device_caps = kind | v4l2.CAP_STREAMING
        argument.capabilities = argument.device_caps | v4l2.CAP_DEVICE_CAPS

    def _enum_fmt(self, context: Context, argument: v4l2.FormatDescription) -> None:
        codes = self.block.raw if self._side(argument.type) == "output" else (self.block.coded,)
        if argument.index >= len(codes):
            raise _error(errno.EINVAL)
        argument.pixelformat = v4l2.fourcc(codes[argument.index])

    def _set_format(self, context: Context, argument: v4l2.Format) -> None:
        side = self._side(argument.type)
        assert not context.memory[side], "S_FMT while buffers are allocated"
        context.order.append(f"S_FMT {side}")
        pix: Any = v4l2.PixFormatMplane.from_buffer(argument.fmt) if self.block.is_multiplanar else argument.fmt.pix
        low, high = self.block.sizes
        pix.width = _up(min(max(pix.width, low), high), self.block.blocks[0])
        pix.height = _up(min(max(pix.height, low), high), self.block.blocks[1])
        part = pix.plane_fmt[0] if self.block.is_multiplanar else pix
        if side == "output":
            code = v4l2.fourcc_text(pix.pixelformat)
            pix.pixelformat = v4l2.fourcc(code if code in self.block.raw else self.block.raw[0])
            part.bytesperline = _up(max(pix.width, part.bytesperline), self.block.stride)
            part.sizeimage = part.bytesperline * pix.height * 3 // 2
            context.crop = (pix.width, pix.height)
        else:
            pix.pixelformat = v4l2.fourcc(self.block.coded)
        code = v4l2.fourcc_text(pix.pixelformat)
        context.formats[side] = (code, pix.width, pix.height, part.bytesperline, part.sizeimage)

    def _set_interval(self, context: Context, argument: v4l2.StreamParm) -> None:
        if not self.block.has_interval:
            raise _error(errno.ENOTTY)
        context.order.append("S_PARM")
        interval = argument.parm.capture.timeperframe
        context.framerate = interval.denominator / interval.numerator

    def _select(self, context: Context, argument: m2m.Selection) -> None:
        if not self.block.can_crop:
            raise _error(errno.ENOTTY)
        context.order.append("S_SELECTION")
        _, width, height, _, _ = context.formats["output"]
        low = self.block.sizes[0]
        argument.r.width = min(max(argument.r.width, low), width)
        argument.r.height = min(max(argument.r.height, low), height)
        context.crop = (argument.r.width, argument.r.height)

    def _request_buffers(self, context: Context, argument: v4l2.RequestBuffers) -> None:
        side = self._side(argument.type)
        assert side not in context.streaming, "REQBUFS while streaming"
        if argument.count == 0:
            context.memory[side].clear()
            return
        if argument.memory == m2m.MEMORY_DMABUF and not self.block.can_import:
            raise _error(errno.EINVAL)
        context.order.append(f"REQBUFS {side}")
        context.kind[side] = argument.memory

    def _query_buffer(self, context: Context, argument: v4l2.Buffer) -> None:
        side = self._side(argument.type)
        offset = (argument.index << 4) + (0 if side == "output" else 1 << 20)
        size = context.formats[side][4]
        if not self.block.is_multiplanar:
            argument.length, argument.m.offset = size, offset
            return
        plane = v4l2.Plane.from_address(argument.m.userptr)
        plane.length, plane.m.mem_offset = size, offset

    def _queue_buffer(self, context: Context, argument: v4l2.Buffer) -> None:
        if self._side(argument.type) == "capture":
            assert argument.index not in context.free, "a buffer was queued twice"
            context.free.append(argument.index)
            return
        part = v4l2.Plane.from_address(argument.m.userptr) if self.block.is_multiplanar else argument
        assert argument.index not in context.queued_pictures, "a picture buffer was queued twice"
        content = self._content(context, argument.index, part)
        context.queued_pictures.add(argument.index)
        timestamp = (argument.timestamp.tv_sec, argument.timestamp.tv_usec)
        context.waiting.append(Picture(argument.index, timestamp, self._visible(context, content)))
        self._work(context)

    def _content(self, context: Context, index: int, part: Any) -> bytes:
        if context.kind["output"] != m2m.MEMORY_DMABUF:
            assert part.bytesused == context.formats["output"][4], "the payload is not a whole picture"
            return bytes(context.memory["output"][index][:])
        if part.length < context.formats["output"][4] or "dmabuf" in self.block.fail:
            raise _error(errno.EINVAL)
        return os.pread(part.m.fd, part.length, 0)

    def _visible(self, context: Context, content: bytes) -> bytes:
        """The picture within the crop, as contiguous I420."""
        code, _, rows, stride, _ = context.formats["output"]
        width, height = context.crop
        luma = b"".join(content[row * stride : row * stride + width] for row in range(height))
        chroma = content[stride * rows :]
        if code == "NV12":
            lines = [chroma[row * stride : row * stride + width] for row in range(height // 2)]
            return luma + b"".join(line[0::2] for line in lines) + b"".join(line[1::2] for line in lines)
        half, plane = stride // 2, stride // 2 * (rows // 2)
        planes = (chroma[:plane], chroma[plane : 2 * plane])
        return luma + b"".join(p[row * half : row * half + width // 2] for p in planes for row in range(height // 2))

    def _work(self, context: Context) -> None:
        if context.streaming != {"output", "capture"}:
            return
        while context.waiting and (context.is_draining or len(context.waiting) > self.block.held):
            if 0 <= self.block.stall_at <= context.seen:
                return
            self._encode(context, context.waiting.popleft())

    def _encode(self, context: Context, picture: Picture) -> None:
        number, context.seen = context.seen, context.seen + 1
        context.done.append(picture.index)
        context.queued_pictures.discard(picture.index)
        if context.codec is None:
            context.codec = self.block.codec(*context.crop)
        is_key, context.wants_key = context.wants_key, False
        bitrate = context.controls.get(m2m.CID_BITRATE, 10_000_000)
        units = context.codec.encode(picture.i420, is_key=is_key, bitrate=bitrate, framerate=context.framerate)
        if self.block.garbage_first and not number:
            self._emit(context, b"\0\0\0\1\x41garbage", (0, 0), 0)
        units = self._headers(context, units, is_key=is_key)
        flags = m2m.BUF_FLAG_KEYFRAME if is_key and self.block.flags_keys else 0
        flags |= v4l2.BUF_FLAG_ERROR if number == self.block.damage_at else 0
        data = b"" if number == self.block.drop_at else annex_b(units)
        self._emit(context, data, picture.timestamp, flags)

    def _headers(self, context: Context, units: list[bytes], *, is_key: bool) -> list[bytes]:
        if not is_key or context.controls.get(m2m.CID_REPEAT_SEQ_HEADER):
            return units
        sets = [unit for unit in units if unit[0] & 31 in (7, 8)]
        rest = [unit for unit in units if unit[0] & 31 not in (7, 8)]
        is_first, context.sent_headers = not context.sent_headers, True
        if is_first and self.block.separate_headers:
            self._emit(context, annex_b(sets), (0, 0), 0)
            return rest
        return units if is_first else rest

    def _emit(self, context: Context, data: bytes, timestamp: tuple[int, int], flags: int) -> None:
        stamp = timestamp if self.block.copies_time else (0, 0)
        flags |= m2m.BUF_FLAG_TIMESTAMP_COPY if self.block.copies_time else 0
        context.coded.append(CodedBuffer(data, stamp, flags, self.clock.now_ns + self.block.latency_ns))

    def _dequeue_buffer(self, context: Context, argument: v4l2.Buffer) -> None:
        if self._side(argument.type) == "output":
            if not context.done:
                raise _error(errno.EAGAIN)
            argument.index = context.done.popleft()
            return
        if not context.coded or context.coded[0].ready_ns > self.clock.now_ns:
            raise _error(errno.EPIPE if context.is_ended and not context.coded else errno.EAGAIN)
        assert context.free, "the driver has no buffer for what it made"
        coded, argument.index = context.coded.popleft(), context.free.popleft()
        memory = context.memory["capture"][argument.index]
        memory[: len(coded.data)] = coded.data
        argument.flags = coded.flags
        argument.timestamp.tv_sec, argument.timestamp.tv_usec = coded.timestamp
        part = v4l2.Plane.from_address(argument.m.userptr) if self.block.is_multiplanar else argument
        part.bytesused = len(coded.data)

    def _stream_on(self, context: Context, argument: ctypes.c_int32) -> None:
        side = self._side(argument.value)
        context.order.append(f"STREAMON {side}")
        context.streaming.add(side)
        self._work(context)

    def _stream_off(self, context: Context, argument: ctypes.c_int32) -> None:
        side = self._side(argument.value)
        context.order.append(f"STREAMOFF {side}")
        context.streaming.discard(side)
        context.is_draining = context.is_ended = False
        context.wants_key, context.sent_headers = True, False
        if side == "output":
            context.waiting.clear()
            context.queued_pictures.clear()
            context.done.clear()
        else:
            context.free.clear()
            context.coded.clear()

    def _query_control(self, context: Context, argument: m2m.ControlQuery) -> None:
        if argument.id not in self.block.controls:
            raise _error(errno.EINVAL)
        argument.minimum, argument.maximum, argument.step, argument.default_value = self.block.controls[argument.id]

    def _get_control(self, context: Context, argument: m2m.ControlValue) -> None:
        if argument.id not in self.block.controls:
            raise _error(errno.EINVAL)
        argument.value = context.controls.get(argument.id, self.block.controls[argument.id][3])

    def _set_control(self, context: Context, argument: m2m.ControlValue) -> None:
        low, high, step, _ = self.block.controls[argument.id]
        if argument.id == m2m.CID_FORCE_KEY_FRAME:
            context.wants_key = True
            return
        is_allowed = low <= argument.value <= high and not (argument.value - low) % max(1, step)
        assert is_allowed, f"control {argument.id:#x} was set to {argument.value}"
        context.controls[argument.id] = argument.value

    def _command(self, context: Context, argument: m2m.EncoderCommand) -> None:
        assert argument.cmd == m2m.ENC_CMD_STOP
        context.is_draining = True
        self._work(context)
        if not context.waiting:
            self._emit(context, b"", (0, 0), m2m.BUF_FLAG_LAST)
            context.is_ended = True

    def _side(self, buffer_type: int) -> str:
        expected = (10, 9) if self.block.is_multiplanar else (2, 1)
        assert buffer_type in expected, f"buffer type {buffer_type} of the other interface"
        return "output" if buffer_type == expected[0] else "capture"


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
