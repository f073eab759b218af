# lkedge: pure
"""What arrives at an HDMI input: a signal with its size and rate, or the reason why there is none."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum

from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2 import videodev2_dv as dv


class Condition(StrEnum):
    """Why there is no picture; the words of the slate, and `Source.condition`."""

    NO_DEVICE = "no device"
    NO_CABLE = "no cable"
    NO_SIGNAL = "no signal"
    NO_SYNC = "no sync"
    OUT_OF_RANGE = "out of range"


CONDITION_BY_ERRNO = {
    errno.ENOLINK: Condition.NO_SIGNAL,
    errno.ENOLCK: Condition.NO_SYNC,
    errno.ERANGE: Condition.OUT_OF_RANGE,
    errno.ENODEV: Condition.NO_DEVICE,
    errno.ENXIO: Condition.NO_DEVICE,
    errno.ENOENT: Condition.NO_DEVICE,
}
"""What VIDIOC_QUERY_DV_TIMINGS means by its errors (Linux media documentation)."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A progressive picture. framerate: 0 when the input does not tell."""

    width: int
    height: int
    framerate: float

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.framerate:g}"


def signal_of(timings: dv.DvTimings) -> Signal | Condition:
    """What timings mean; interlaced pictures are out of range, since the EDID does not offer them."""
    bt = timings.u.bt
    if bt.interlaced or not (bt.width and bt.height):
        return Condition.OUT_OF_RANGE if bt.interlaced else Condition.NO_SIGNAL
    columns = bt.width + bt.hfrontporch + bt.hsync + bt.hbackporch
    rows = bt.height + bt.vfrontporch + bt.vsync + bt.vbackporch
    return Signal(bt.width, bt.height, round(bt.pixelclock / (columns * rows), 2))


def condition_of_status(status: int) -> Condition | None:
    """What the status of an input (VIDIOC_ENUMINPUT) says; None when all is well."""
    if status & v4l2.IN_ST_NO_POWER:
        return Condition.NO_DEVICE
    if status & v4l2.IN_ST_NO_SIGNAL:
        return Condition.NO_SIGNAL
    return Condition.NO_SYNC if status & v4l2.IN_ST_NO_H_LOCK else None
