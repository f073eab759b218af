# lkedge: pure
"""RTP payload format for redundant audio: each packet repeats the one before (RFC 2198)."""

from __future__ import annotations

from lkedge.rtp.packetizer import Payload
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES

MAX_OFFSET = (1 << 14) - 1
"""Largest timestamp distance of a redundant block, in RTP units (RFC 2198, section 3)."""

MAX_LENGTH = (1 << 10) - 1
"""Largest redundant block in bytes (RFC 2198, section 3)."""

_FOLLOWED = 0x80
_HEADERS_BYTES = 4 + 1


class RedPacketizer:
    """Wraps audio packets, with the previous one as redundancy wherever the format allows it."""

    def __init__(self, payload_type: int) -> None:
        """payload_type: of the wrapped codec."""
        self._payload_type = payload_type
        self._previous = b""
        self._previous_timestamp = 0

    def packetize(self, data: bytes, timestamp: int) -> list[Payload]:
        if not 0 < len(data) < MAX_PAYLOAD_BYTES:
            return []
        redundancy, offset = self._redundancy(len(data), timestamp)
        self._previous, self._previous_timestamp = data, timestamp
        primary = bytes((self._payload_type,))
        if not redundancy:
            return [(primary, 0, len(data))]
        block = (_FOLLOWED | self._payload_type) << 24 | offset << 10 | len(redundancy)
        return [(block.to_bytes(4, "big") + primary + redundancy, 0, len(data))]

    def _redundancy(self, length: int, timestamp: int) -> tuple[bytes, int]:
        offset = (timestamp - self._previous_timestamp) & 0xFFFFFFFF
        fits = len(self._previous) + length + _HEADERS_BYTES <= MAX_PAYLOAD_BYTES
        is_allowed = fits and 0 < offset <= MAX_OFFSET and len(self._previous) <= MAX_LENGTH
        return (self._previous, offset) if is_allowed else (b"", 0)
