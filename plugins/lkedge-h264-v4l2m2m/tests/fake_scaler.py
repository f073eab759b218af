"""A fake scaler: takes the nearest sample, and fails as its script says."""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass

from fake_device import FakeContext, FakeDevice, Made, ManualClock, error
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_v4l2 import videodev2 as v4l2

GROUPS = {"YU12": (1, 1, 1), "NV12": (1, 2), "YUYV": (4,), "RGB3": (3,)}
"""Bytes that belong together, in each plane."""


@dataclass
class FakeScaler(FakeDevice):
    """Without a script it works.

    is_cropping: it cuts out a corner instead, as what is no scaler does. ends_at: its stream
    ends before this picture. unplug_at: it is gone from this picture on. is_keeping: pictures
    are never given back. can_export: its buffers as DMABUF.
    """

    card: str = "bcm2835-codec-isp"
    driver: str = "bcm2835-codec"
    raw: tuple[str, ...] = ("YU12", "NV12", "YUYV")
    made: tuple[str, ...] = ("YU12", "NV12")
    sizes: tuple[int, int] = (32, 16384)
    is_cropping: bool = False
    is_keeping: bool = False
    can_export: bool = True
    ends_at: int = -1
    unplug_at: int = -1
    pictures: int = 0

    @property
    def is_gone(self) -> bool:
        return 0 <= self.unplug_at < self.pictures

    @property
    def has_stalled(self) -> bool:
        return 0 <= self.stall_at < self.pictures


class ScalerContext(FakeContext):
    """One open scaler."""

    def __init__(self, scaler: FakeScaler, clock: ManualClock) -> None:
        super().__init__(scaler, clock)
        self.scaler = scaler
        self.waiting: deque[tuple[int, tuple[int, int], bytes]] = deque()

    def ioctl(self, request: int, argument: object) -> None:
        if self.scaler.is_gone or (request == m2m.EXPBUF and not self.scaler.can_export):
            raise error(errno.ENODEV if self.scaler.is_gone else errno.EINVAL)
        super().ioctl(request, argument)

    def accept(self, index: int, timestamp: tuple[int, int], content: bytes) -> None:
        self.waiting.append((index, timestamp, content))

    def stopped(self, side: str) -> None:
        if side == "output":
            self.waiting.clear()

    def work(self) -> None:
        if self.streaming != {"output", "capture"}:
            return
        while self.waiting:
            index, timestamp, content = self.waiting.popleft()
            number = self.scaler.pictures
            self.scaler.pictures += 1
            if self.scaler.has_stalled:
                return
            if not self.scaler.is_keeping:
                self.read(index)
            self.is_ended = number == self.scaler.ends_at
            if not self.is_ended:
                flags = v4l2.BUF_FLAG_ERROR if number == self.scaler.damage_at else 0
                self.coded.append(Made(self._scaled(content), timestamp, flags, self._ready_ns()))

    def _ready_ns(self) -> int:
        return self.clock.now_ns + self.scaler.latency_ns

    def _scaled(self, content: bytes) -> bytes:
        code, *_, size = self.formats["capture"]
        result = bytearray(size)
        for group, going, coming in zip(GROUPS[code], self._planes("output"), self._planes("capture"), strict=True):
            for row in range(coming[2]):
                y = row if self.scaler.is_cropping else row * going[2] // coming[2]
                line = content[going[0] + y * going[1] :][: going[3]]
                start = coming[0] + row * coming[1]
                result[start : start + coming[3]] = self._line(line, group, coming[3] // group)
        return bytes(result)

    def _line(self, line: bytes, group: int, count: int) -> bytes:
        columns = len(line) // group
        places = [x if self.scaler.is_cropping else x * columns // count for x in range(count)]
        return b"".join(line[x * group : x * group + group] for x in places)

    def _planes(self, side: str) -> list[tuple[int, int, int, int]]:
        """Offset, stride, visible rows and bytes of each plane."""
        code, _, rows, stride, _ = self.formats[side]
        width, height = self.visible[side]
        if code in ("YUYV", "RGB3"):
            return [(0, stride, height, width * (2 if code == "YUYV" else 3))]
        luma = (0, stride, height, width)
        if code == "NV12":
            return [luma, (stride * rows, stride, height // 2, width)]
        half = stride // 2
        starts = (stride * rows, stride * rows + half * (rows // 2))
        return [luma, *((start, half, height // 2, width // 2) for start in starts)]
