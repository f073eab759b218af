"""What the loudspeaker plays, for echo cancellation: captured beside the microphone from a second device.

The two devices have clocks of their own. What they differ by is evened out by a short queue: echo
cancellers look for the delay themselves, and find it anew after a jump. The microphone never waits for it, nor is
lost with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import LkedgeError
from lkedge_alsa.pcm import Block, CaptureDevice
from lkedge_alsa.resampling import converter
from lkedge_alsa.samples import pick_channels, to_16_bit

logger = logging.getLogger(__name__)

FRAME_BYTES = 960 * 2
FILL_BYTES = 2 * FRAME_BYTES
"""What is collected before the first frame is given: a period comes up to 20 ms after its time."""

MOST_BYTES = 5 * FRAME_BYTES
"""More than this (100 ms) is cut down to what is filled at first; the oldest goes."""

RETRY_NS = 5 * SECOND_NS
MAX_BLOCKS = 50
"""Taken at once: a null device always has more."""


class EchoReference:
    """open_device: opens the device for one channel. Used by the reading thread."""

    def __init__(self, open_device: Callable[[], CaptureDevice], clock: Clock) -> None:
        self._open_device = open_device
        self._clock = clock
        self._device: CaptureDevice | None = None
        self._convert: Callable[[bytes], bytes] = bytes
        self._queue = bytearray()
        self._is_filled = False
        self._retry_ns = 0
        self._last_reason = ""

    def take(self) -> bytes:
        """20 ms of one channel at 48 kHz, or b"" while there is nothing. Never waits, never raises LkedgeError."""
        try:
            self._collect()
        except LkedgeError as error:
            self._failed(error)
        if len(self._queue) > MOST_BYTES:
            del self._queue[:-FILL_BYTES]
        self._is_filled = len(self._queue) >= (FRAME_BYTES if self._is_filled else FILL_BYTES)
        if not self._is_filled:
            return b""
        frame = bytes(self._queue[:FRAME_BYTES])
        del self._queue[:FRAME_BYTES]
        return frame

    def close(self) -> None:
        """Give the device back."""
        device, self._device = self._device, None
        self._queue.clear()
        if device is not None:
            device.close()

    def _collect(self) -> None:
        if self._device is None:
            if self._clock.monotonic_ns() < self._retry_ns:
                return
            self._device = self._open_device()
            self._convert = converter(self._device.negotiated.rate, 1)
            self._last_reason = ""
        for _ in range(MAX_BLOCKS):
            block = self._device.take(0)
            if block is None:
                return
            self._queue += self._convert(self._adapted(self._device, block))

    def _adapted(self, device: CaptureDevice, block: Block) -> bytes:
        negotiated = device.negotiated
        return pick_channels(to_16_bit(block.data, negotiated.sample_format), negotiated.channels, 1, "mix")

    def _failed(self, error: LkedgeError) -> None:
        self.close()
        self._retry_ns = self._clock.monotonic_ns() + RETRY_NS
        if str(error) != self._last_reason:
            self._last_reason = str(error)
            logger.warning("echo is not cancelled: %s", error)
