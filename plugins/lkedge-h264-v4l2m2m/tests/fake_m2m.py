"""A kernel with one encoder block, and a scaler if wanted: answers ioctls as drivers do.

Each `open` is an encoder of its own, as on a real block. Pictures are encoded when they are
queued; what comes out, and when, follows the script in `FakeBlock`.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fake_codec import FakeCodec, ToyCodec, annex_b
from fake_device import FakeContext, FakeDevice, Made, ManualClock, error
from fake_scaler import FakeScaler, ScalerContext
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

SCALER_PATH = "/dev/video12"


@dataclass
class FakeBlock(FakeDevice):
    """An encoder and its script.

    separate_headers: SPS and PPS come once, in a buffer of their own without a time. held:
    pictures kept back. drop_at: number of the picture, from 0.
    """

    card: str = "bcm2835-codec-encode"
    driver: str = "bcm2835-codec"
    coded: str = "H264"
    is_compressing: bool = True
    has_interval: bool = True
    copies_time: bool = True
    flags_keys: bool = True
    separate_headers: bool = False
    garbage_first: bool = False
    held: int = 0
    drop_at: int = -1
    codec: Callable[[int, int], FakeCodec] = ToyCodec
    controls: dict[int, tuple[int, int, int, int]] = field(default_factory=lambda: dict(BCM_CONTROLS))

    def __post_init__(self) -> None:
        self.made = (self.coded,)
        self.is_compressing = self.coded not in ("YU12", "NV12")


@dataclass
class Picture:
    index: int
    timestamp: tuple[int, int]
    i420: bytes


class Context(FakeContext):
    """One open encoder."""

    def __init__(self, block: FakeBlock, clock: ManualClock) -> None:
        super().__init__(block, clock)
        self.block = block
        self.controls: dict[int, int] = {}
        self.framerate = 30.0
        self.waiting: deque[Picture] = deque()
        self.codec: FakeCodec | None = None
        self.wants_key = True
        self.sent_headers = False
        self.is_draining = False
        self.handlers |= {
            v4l2.S_PARM: self._set_interval,
            m2m.QUERYCTRL: self._query_control,
            m2m.G_CTRL: self._get_control,
            m2m.S_CTRL: self._set_control,
            m2m.ENCODER_CMD: self._command,
        }

    def accept(self, index: int, timestamp: tuple[int, int], content: bytes) -> None:
        self.waiting.append(Picture(index, timestamp, self._visible(content)))

    def work(self) -> None:
        if self.streaming != {"output", "capture"}:
            return
        while self.waiting and (self.is_draining or len(self.waiting) > self.block.held):
            if 0 <= self.block.stall_at <= self.seen:
                return
            self._encode(self.waiting.popleft())

    def stopped(self, side: str) -> None:
        self.is_draining = False
        self.wants_key, self.sent_headers = True, False
        if side == "output":
            self.waiting.clear()

    def _visible(self, content: bytes) -> bytes:
        """The picture within the crop, as contiguous I420."""
        code, _, rows, stride, _ = self.formats["output"]
        width, height = self.visible["output"]
        luma = b"".join(content[row * stride : row * stride + width] for row in range(height))
        chroma = content[stride * rows :]
        if code == "NV12":
            lines = [chroma[row * stride : row * stride + width] for row in range(height // 2)]
            return luma + b"".join(line[0::2] for line in lines) + b"".join(line[1::2] for line in lines)
        half, plane = stride // 2, stride // 2 * (rows // 2)
        planes = (chroma[:plane], chroma[plane : 2 * plane])
        return luma + b"".join(p[row * half : row * half + width // 2] for p in planes for row in range(height // 2))

    def _encode(self, picture: Picture) -> None:
        number, self.seen = self.seen, self.seen + 1
        self.read(picture.index)
        if self.codec is None:
            self.codec = self.block.codec(*self.visible["output"])
        is_key, self.wants_key = self.wants_key, False
        bitrate = self.controls.get(m2m.CID_BITRATE, 10_000_000)
        units = self.codec.encode(picture.i420, is_key=is_key, bitrate=bitrate, framerate=self.framerate)
        if self.block.garbage_first and not number:
            self._emit(b"\0\0\0\1\x41garbage", (0, 0), 0)
        units = self._headers(units, is_key=is_key)
        flags = m2m.BUF_FLAG_KEYFRAME if is_key and self.block.flags_keys else 0
        flags |= v4l2.BUF_FLAG_ERROR if number == self.block.damage_at else 0
        data = b"" if number == self.block.drop_at else annex_b(units)
        self._emit(data, picture.timestamp, flags)

    def _headers(self, units: list[bytes], *, is_key: bool) -> list[bytes]:
        if not is_key or self.controls.get(m2m.CID_REPEAT_SEQ_HEADER):
            return units
        sets = [unit for unit in units if unit[0] & 31 in (7, 8)]
        rest = [unit for unit in units if unit[0] & 31 not in (7, 8)]
        is_first, self.sent_headers = not self.sent_headers, True
        if is_first and self.block.separate_headers:
            self._emit(annex_b(sets), (0, 0), 0)
            return rest
        return units if is_first else rest

    def _emit(self, data: bytes, timestamp: tuple[int, int], flags: int) -> None:
        stamp = timestamp if self.block.copies_time else (0, 0)
        flags |= m2m.BUF_FLAG_TIMESTAMP_COPY if self.block.copies_time else 0
        # It does one picture after the other.
        begun_ns = max([self.clock.now_ns, *(made.ready_ns for made in self.coded)])
        ready_ns = begun_ns + (self.block.latency_ns if data else 0)
        self.coded.append(Made(data, stamp, flags, ready_ns))

    def _set_interval(self, argument: v4l2.StreamParm) -> None:
        if not self.block.has_interval:
            raise error(errno.ENOTTY)
        self.order.append("S_PARM")
        interval = argument.parm.capture.timeperframe
        self.framerate = interval.denominator / interval.numerator

    def _query_control(self, argument: m2m.ControlQuery) -> None:
        if argument.id not in self.block.controls:
            raise error(errno.EINVAL)
        argument.minimum, argument.maximum, argument.step, argument.default_value = self.block.controls[argument.id]

    def _get_control(self, argument: m2m.ControlValue) -> None:
        if argument.id not in self.block.controls:
            raise error(errno.EINVAL)
        argument.value = self.controls.get(argument.id, self.block.controls[argument.id][3])

    def _set_control(self, argument: m2m.ControlValue) -> None:
        low, high, step, _ = self.block.controls[argument.id]
        if argument.id == m2m.CID_FORCE_KEY_FRAME:
            self.wants_key = True
            return
        is_allowed = low <= argument.value <= high and not (argument.value - low) % max(1, step)
        assert is_allowed, f"control {argument.id:#x} was set to {argument.value}"
        self.controls[argument.id] = argument.value

    def _command(self, argument: m2m.EncoderCommand) -> None:
        assert argument.cmd == m2m.ENC_CMD_STOP
        self.is_draining = True
        self.work()
        if not self.waiting:
            self._emit(b"", (0, 0), m2m.BUF_FLAG_LAST)
            self.is_ended = True


class FakeM2mKernel:
    """contexts: open encoders; scalers: open scalers; both by descriptor."""

    def __init__(
        self,
        block: FakeBlock | None = None,
        *,
        scaler: FakeScaler | None = None,
        clock: ManualClock | None = None,
        path: str = "/dev/video11",
    ) -> None:
        self.block = block or FakeBlock()
        self.scaler = scaler
        self.clock = clock or ManualClock()
        self.path = path
        self.contexts: dict[int, Context] = {}
        self.scalers: dict[int, ScalerContext] = {}
        self.opened = 0
        self.opened_scalers = 0

    @property
    def context(self) -> Context:
        """The newest open encoder."""
        return self.contexts[max(self.contexts)]

    def video_nodes(self) -> list[str]:
        return [self.path, *([SCALER_PATH] if self.scaler else [])]

    def open(self, path: str) -> int:
        fd = 1000 + self.opened + self.opened_scalers
        if self.scaler and path == SCALER_PATH:
            self.scaler.maybe_fail("open")
            self.opened_scalers += 1
            self.scalers[fd] = ScalerContext(self.scaler, self.clock)
            return fd
        self.block.maybe_fail("open")
        if path != self.path:
            raise error(errno.ENOENT)
        self.opened += 1
        self.contexts[fd] = Context(self.block, self.clock)
        return fd

    def close(self, fd: int) -> None:
        self._at(fd).close()
        self.contexts.pop(fd, None)
        self.scalers.pop(fd, None)

    def map(self, fd: int, length: int, offset: int) -> Any:
        return self._at(fd).map(length, offset)

    def poll(self, fd: int, events: int, timeout_s: float) -> int:
        context = self._at(fd)
        found = _events(context) & events
        if not found:
            waited_ns = max(1, round(timeout_s * 1e9))
            if context.coded and context.coded[0].ready_ns > self.clock.now_ns:
                waited_ns = min(waited_ns, context.coded[0].ready_ns - self.clock.now_ns)
            self.clock.now_ns += waited_ns
            found = _events(context) & events
        return found

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        self._at(fd).ioctl(request, argument)

    def _at(self, fd: int) -> FakeContext:
        found = self.contexts.get(fd) or self.scalers.get(fd)
        assert found, "a call on a closed descriptor"
        return found


def _events(context: FakeContext) -> int:
    return (READABLE if context.has_made else 0) | (WRITABLE if context.done else 0)
