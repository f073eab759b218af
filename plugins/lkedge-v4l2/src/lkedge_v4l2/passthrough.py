"""A camera's own H.264 as frames that are sent as they are."""

from __future__ import annotations

from collections.abc import Callable

from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import NO_RID
from lkedge.terms import Codec
from lkedge_v4l2.capture import Picture
from lkedge_v4l2.formats import Mode
from lkedge_v4l2.h264 import AccessUnits


class H264Unpacker:
    """After a lost or damaged picture nothing passes before the next key frame, which is asked for.

    lost: pictures that never came or were of no use.
    """

    def __init__(self, mode: Mode, request_key_frame: Callable[[], None]) -> None:
        self._mode = mode
        self._request_key_frame = request_key_frame
        self._units = AccessUnits()
        self._is_waiting = True
        self._sequence: int | None = None
        self.lost = 0

    @property
    def obstacle(self) -> str:
        """Why receivers could not play it; "" as far as is known."""
        return self._units.obstacle

    def __call__(self, picture: Picture, captured_ns: int) -> EncodedFrame | None:
        self._notice_loss(picture.sequence)
        unit = self._units.take(picture.data)
        if unit is None or (self._is_waiting and not unit.is_key):
            return None
        self._is_waiting = False
        width, height = self._mode.width, self._mode.height
        return EncodedFrame(Codec.H264, NO_RID, unit.data, captured_ns, unit.is_key, width, height)

    def _notice_loss(self, sequence: int) -> None:
        before, self._sequence = self._sequence, sequence
        if before is None or sequence <= before + 1:
            return
        self.lost += sequence - before - 1
        if not self._is_waiting:
            self._is_waiting = True
            self._request_key_frame()
