# lkedge: pure
"""RTP payload format for VP8 (RFC 7741)."""

from __future__ import annotations

import struct

from lkedge.rtp.packetizer import Payload, split_evenly
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES

DESCRIPTOR_BYTES = 4

_DESCRIPTOR = struct.Struct("!BBH")
_EXTENDED = 0x80
_START_OF_PARTITION = 0x10
_HAS_PICTURE_ID = 0x80
_LONG_PICTURE_ID = 0x8000


class Vp8Packetizer:
    """Puts a payload descriptor with a 15-bit PictureID before every fragment.

    Every packet has the same fields: the SFU rewrites them in place and a field that comes
    and goes would shift the payload (livekit-wire.md, section 5.4).
    """

    def __init__(self, picture_id: int) -> None:
        """picture_id: of the first frame, modulo 2^15."""
        self._picture_id = picture_id & 0x7FFF

    def packetize(self, data: bytes, timestamp: int) -> list[Payload]:
        """Fragments of nearly equal size; only the first has the S bit."""
        picture_id = _LONG_PICTURE_ID | self._picture_id
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        later = _DESCRIPTOR.pack(_EXTENDED, _HAS_PICTURE_ID, picture_id)
        payloads = split_evenly(later, 0, len(data), MAX_PAYLOAD_BYTES - DESCRIPTOR_BYTES)
        if payloads:
            first = _DESCRIPTOR.pack(_EXTENDED | _START_OF_PARTITION, _HAS_PICTURE_ID, picture_id)
            payloads[0] = (first, *payloads[0][1:])
        return payloads
