"""The part of an HDMI input that knows the cable: EDID, timings, events."""

from __future__ import annotations

import ctypes
import errno

from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2 import videodev2_controls as controls
from lkedge_v4l2 import videodev2_dv as dv
from lkedge_v4l2.kernel import Kernel

from lkedge_hdmi.edid import BLOCK_BYTES, MAX_BLOCKS
from lkedge_hdmi.signal import CONDITION_BY_ERRNO, Condition, Signal, signal_of

MAX_EVENTS = 32


class Bridge:
    """Speaks to the video node itself, or to the subdevice where the driver has one. Does not own the descriptor.

    has_events: whether the driver tells of changes; False means it must be asked.
    """

    def __init__(self, fd: int, kernel: Kernel) -> None:
        self._fd = fd
        self._kernel = kernel
        self._timings = dv.DvTimings()
        self._pad = self._input()
        self.has_events = self._subscribe()

    def has_timings(self) -> bool:
        """Whether it knows the timings of its signal; USB grabbers do not."""
        try:
            self._kernel.ioctl(self._fd, dv.G_DV_TIMINGS, dv.DvTimings())
        except OSError as error:
            return error.errno not in (errno.ENOTTY, errno.ENODATA)
        return True

    def signal(self) -> Signal | Condition:
        """What arrives now. Raises OSError for what has nothing to do with the signal."""
        timings = dv.DvTimings()
        try:
            self._kernel.ioctl(self._fd, dv.QUERY_DV_TIMINGS, timings)
        except OSError as error:
            if error.errno not in CONDITION_BY_ERRNO:
                raise
            return self._explained(CONDITION_BY_ERRNO[error.errno])
        self._timings = timings
        return signal_of(timings)

    def apply(self) -> None:
        """Take over the timings of the last signal; nothing may stream. Raises OSError."""
        self._kernel.ioctl(self._fd, dv.S_DV_TIMINGS, self._timings)

    def has_changed(self) -> bool:
        """Whether the driver told of a change since the last call."""
        changed = False
        for _ in range(MAX_EVENTS):
            event = dv.Event()
            try:
                self._kernel.ioctl(self._fd, dv.DQEVENT, event)
            except OSError:
                break
            changed |= event.type == dv.EVENT_SOURCE_CHANGE
        return changed

    def edid(self) -> bytes | None:
        """What connected sources see now, empty when there is nothing; None when it takes none. Raises OSError."""
        buffer = ctypes.create_string_buffer(MAX_BLOCKS * BLOCK_BYTES)
        request = dv.Edid(pad=self._pad, blocks=MAX_BLOCKS, edid=ctypes.addressof(buffer))
        try:
            self._kernel.ioctl(self._fd, dv.G_EDID, request)
        except OSError as error:
            if error.errno == errno.ENODATA:
                return b""
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return None
            raise
        return buffer.raw[: request.blocks * BLOCK_BYTES]

    def set_edid(self, data: bytes) -> None:
        """Show this to connected sources; they notice, and begin anew. Raises OSError."""
        buffer = ctypes.create_string_buffer(data, len(data))
        request = dv.Edid(pad=self._pad, blocks=len(data) // BLOCK_BYTES, edid=ctypes.addressof(buffer))
        self._kernel.ioctl(self._fd, dv.S_EDID, request)

    def input_status(self) -> int:
        """IN_ST_* of the present input; 0 when the driver does not say. Raises OSError when it has gone."""
        entry = v4l2.Input(index=self._pad)
        try:
            self._kernel.ioctl(self._fd, v4l2.ENUMINPUT, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return 0
            raise
        return int(entry.status)

    def _explained(self, condition: Condition) -> Condition:
        """Without a signal the 5 V of the cable tell whether there is one at all."""
        is_unplugged = condition is Condition.NO_SIGNAL and self._cable_power() == 0
        return Condition.NO_CABLE if is_unplugged else condition

    def _cable_power(self) -> int | None:
        """A bit for each input; None when the driver does not say."""
        control = controls.ExtControl(id=controls.CID_DV_RX_POWER_PRESENT)
        request = controls.ExtControls(count=1, controls=ctypes.addressof(control))
        try:
            self._kernel.ioctl(self._fd, controls.G_EXT_CTRLS, request)
        except OSError:
            return None
        return int(control.u.value)

    def _input(self) -> int:
        """The EDID of a video node belongs to its input, that of a bridge's subdevice to pad 0."""
        number = ctypes.c_int32()
        try:
            self._kernel.ioctl(self._fd, v4l2.G_INPUT, number)
        except OSError:
            return 0
        return max(0, number.value)

    def _subscribe(self) -> bool:
        subscription = dv.EventSubscription(type=dv.EVENT_SOURCE_CHANGE, id=self._pad)
        try:
            self._kernel.ioctl(self._fd, dv.SUBSCRIBE_EVENT, subscription)
        except OSError:
            return False
        return True
