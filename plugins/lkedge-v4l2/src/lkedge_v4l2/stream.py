"""Pictures that flow from an open node, as frames with their capture time."""

from __future__ import annotations

import logging
from collections import deque

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import SourceLost
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge_v4l2.capture import Capture, Picture
from lkedge_v4l2.device import Device
from lkedge_v4l2.kernel import Kernel
from lkedge_v4l2.picture import Unpack
from lkedge_v4l2.refusal import unavailable

logger = logging.getLogger(__name__)

WAIT_S = 0.2
"""`close` from another thread ends a waiting `read` within this time."""

OLDEST_PLAUSIBLE_NS = SECOND_NS
"""Some drivers stamp their first buffers with 0 or with another clock."""


class CaptureTimes:
    """Makes capture times rise strictly, over several streams of one source too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ns = 0

    def of(self, timestamp_ns: int) -> int:
        """The driver's time when it is plausible, else now."""
        now_ns = self._clock.monotonic_ns()
        is_plausible = 0 <= now_ns - timestamp_ns < OLDEST_PLAUSIBLE_NS
        self._last_ns = max(self._last_ns + 1, timestamp_ns if is_plausible else now_ns)
        return self._last_ns


class Stream:
    """Streams from its making to `stop`. Belongs to the reading thread.

    keeps_all: for encoded pictures, of which none may be left out.
    damaged: pictures that were no use: marked by the driver, cut off, or not decodable.
    """

    def __init__(
        self, device: Device, kernel: Kernel, unpack: Unpack, times: CaptureTimes, *, keeps_all: bool = False
    ) -> None:
        """Start. Raises SourceUnavailable."""
        self._device = device
        self._unpack = unpack
        self._times = times
        self._keeps_all = keeps_all
        self._ready: deque[Picture] = deque()
        self._useless = 0
        self._has_warned = False
        try:
            self._capture = Capture(device, kernel)
        except OSError as error:
            raise unavailable(device.path, error) from error

    @property
    def damaged(self) -> int:
        return self._useless + self._capture.broken

    @property
    def dropped(self) -> int:
        """Pictures left out because a newer one was there."""
        return self._capture.dropped

    def take(self, timeout_s: float = WAIT_S) -> VideoFrame | EncodedFrame | None:
        """The next frame; None when there is none within the time. Raises SourceLost."""
        picture = self._next_picture(timeout_s)
        frame = None if picture is None else self._unpack(picture, self._times.of(picture.timestamp_ns))
        if not self._keeps_all:
            self._useless += picture is not None and frame is None
        self._warn_of_damage()
        return frame

    def stalled(self, after_s: float) -> SourceLost:
        """The error for when nothing came for too long."""
        where = f"{self._device.path}: no picture from {self._device.card} for {after_s:g} s"
        if self.damaged:
            where += f", and {self.damaged} that came were damaged (try another cable or port, or another input_format)"
        return SourceLost(f"{where}; it is opened again")

    def stop(self) -> None:
        """Give the buffers back. Any number of times."""
        self._capture.stop()
        if self.damaged or self.dropped:
            logger.debug(
                "%s: %d pictures were damaged, %d came too late", self._device.path, self.damaged, self.dropped
            )

    def _next_picture(self, timeout_s: float) -> Picture | None:
        if not self._keeps_all:
            return self._capture.take_newest(timeout_s)
        if not self._ready:
            self._ready.extend(self._capture.take_all(timeout_s))
        return self._ready.popleft() if self._ready else None

    def _warn_of_damage(self) -> None:
        """The first time only."""
        if self.damaged and not self._has_warned:
            self._has_warned = True
            logger.warning("%s: %s sends damaged pictures; they are left out", self._device.path, self._device.card)
