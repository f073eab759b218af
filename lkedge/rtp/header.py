# lkedge: pure
"""RTP headers with extensions, built once per SSRC and patched per packet (RFC 3550, RFC 8285)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from lkedge.rtp.packetizer import Payload
from lkedge.rtp.profile import EXTENSION_ID
from lkedge.terms import Ssrc

FIXED_HEADER_BYTES = 12

MARKER = 0x80

_FIXED = struct.Struct("!BBHII")
_SEQUENCE = struct.Struct("!H")
_TIMESTAMP = struct.Struct("!I")
_ONE_BYTE_PROFILE = 0xBEDE


class HeaderTemplate:
    """The header of every packet of one SSRC; only sequence number, timestamp and marker change.

    Values that change later (transport-wide sequence number, audio level) stand at a constant
    offset, so that whoever knows them last can write them into the finished packet.

    size: bytes of the header with its extensions.
    """

    def __init__(self, payload_type: int, ssrc: Ssrc, extensions: Mapping[str, bytes]) -> None:
        """
        Args:
            extensions: URI to value, or to a placeholder of the right length, 1 to 16 bytes.
                Empty values are left out.

        Raises:
            ValueError: a value is too long for the one-byte form (RFC 8285, section 4.2).
        """
        self._offsets: dict[str, int] = {}
        block = self._extension_block({uri: value for uri, value in extensions.items() if value})
        first = 0x90 if block else 0x80
        self._head = bytearray(_FIXED.pack(first, payload_type, 0, 0, ssrc) + block)
        self._payload_type = payload_type
        self.size = len(self._head)

    def _extension_block(self, extensions: Mapping[str, bytes]) -> bytes:
        elements = bytearray()
        for uri, value in extensions.items():
            if len(value) > 16:
                raise ValueError(f"header extension {uri} has {len(value)} bytes, at most 16 fit: shorten it")
            elements.append(EXTENSION_ID[uri] << 4 | len(value) - 1)
            self._offsets[uri] = FIXED_HEADER_BYTES + 4 + len(elements)
            elements += value
        if not elements:
            return b""
        elements += bytes(-len(elements) % 4)
        return struct.pack("!HH", _ONE_BYTE_PROFILE, len(elements) // 4) + elements

    def offset_of(self, uri: str) -> int:
        """Where the value of an extension begins in every packet; 0 without it."""
        return self._offsets.get(uri, 0)

    def packet(self, sequence: int, timestamp: int, payload: bytes, *, marker: bool) -> bytearray:
        """One packet. `sequence` is taken modulo 2^16."""
        packet = self.packets(sequence, timestamp, b"", ((payload, 0, 0),))[0]
        if not marker:
            packet[1] = self._payload_type
        return packet

    def packets(self, sequence: int, timestamp: int, data: bytes, payloads: Sequence[Payload]) -> list[bytearray]:
        """The packets of one frame, numbered from `sequence` (modulo 2^16); the last has the marker.

        Every byte of `data` is copied twice only, and header and prefix are joined once for all
        packets of a frame with the same prefix: this loop is the hottest of the program.
        """
        head = self._head
        _TIMESTAMP.pack_into(head, 4, timestamp)
        opening, previous = head, b""
        packets: list[bytearray] = []
        append, pack_into = packets.append, _SEQUENCE.pack_into
        for prefix, start, stop in payloads:
            if prefix is not previous:
                opening, previous = head + prefix, prefix
            pack_into(opening, 2, sequence & 0xFFFF)
            append(opening + data[start:stop])
            sequence += 1
        if packets:
            packets[-1][1] |= MARKER
        return packets
