"""The controls of an open encoder: asked for once, then set within what it allows."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import M2mKernel

NOT_TAKEN = (errno.EINVAL, errno.ERANGE, errno.EBUSY, errno.EACCES, errno.ENOTTY)
"""What a driver says to a control or value that it has not, or not now."""


@dataclass(frozen=True, slots=True)
class ControlRange:
    minimum: int
    maximum: int
    step: int

    def nearest(self, value: int) -> int:
        """The allowed value at or below the wanted one."""
        step = max(1, self.step)
        clamped = max(self.minimum, min(self.maximum, value))
        return self.minimum + (clamped - self.minimum) // step * step


class Controls:
    """Of one open node; used by one thread. Setting the same value again costs nothing."""

    def __init__(self, kernel: M2mKernel, fd: int) -> None:
        self._kernel = kernel
        self._fd = fd
        self._ranges: dict[int, ControlRange | None] = {}
        self._values: dict[int, int] = {}

    def range(self, control: int) -> ControlRange | None:
        """None when the encoder has no such control, or it may not be written."""
        if control not in self._ranges:
            self._ranges[control] = self._queried(control)
        return self._ranges[control]

    def set(self, control: int, value: int) -> bool:
        """Set it to the nearest allowed value; False when the encoder does not take it.

        Raises:
            OSError: the device has failed.
        """
        limits = self.range(control)
        if limits is None:
            return False
        value = limits.nearest(value)
        if self._values.get(control) == value:
            return True
        if not self._written(control, value):
            return False
        self._values[control] = value
        return True

    def press(self, control: int) -> bool:
        """Trigger a button. Raises as `set`."""
        return self.range(control) is not None and self._written(control, 1)

    def read(self, control: int) -> int | None:
        """The present value; None when there is no such control."""
        request = m2m.ControlValue(id=control)
        try:
            self._kernel.ioctl(self._fd, m2m.G_CTRL, request)
        except OSError:
            return None
        return int(request.value)

    def _queried(self, control: int) -> ControlRange | None:
        query = m2m.ControlQuery(id=control)
        try:
            self._kernel.ioctl(self._fd, m2m.QUERYCTRL, query)
        except OSError as error:
            if error.errno in NOT_TAKEN:
                return None
            raise
        if query.flags & (m2m.CTRL_FLAG_DISABLED | m2m.CTRL_FLAG_READ_ONLY):
            return None
        return ControlRange(query.minimum, query.maximum, query.step)

    def _written(self, control: int, value: int) -> bool:
        try:
            self._kernel.ioctl(self._fd, m2m.S_CTRL, m2m.ControlValue(id=control, value=value))
        except OSError as error:
            if error.errno in NOT_TAKEN:
                return False
            raise
        return True
