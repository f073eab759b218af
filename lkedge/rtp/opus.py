# lkedge: pure
"""RTP payload format for Opus: one packet is one payload (RFC 7587)."""

from __future__ import annotations

from lkedge.rtp.packetizer import Payload
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES


class OpusPacketizer:
    """Passes packets through; what cannot be a packet is dropped."""

    def packetize(self, data: bytes, timestamp: int) -> list[Payload]:
        return [(b"", 0, len(data))] if 0 < len(data) <= MAX_PAYLOAD_BYTES else []
