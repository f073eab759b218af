# lkedge: pure
"""What every payload format does, and the packets that come out."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from lkedge.terms import Ssrc

Payload = tuple[bytes, int, int]
"""One RTP payload of a frame's `data`, not yet copied: prefix, start, stop stand for prefix + data[start:stop]."""


class Packetizer(Protocol):
    """Splits one encoded frame into RTP payloads. Keeps what must go on from frame to frame."""

    def packetize(self, data: bytes, timestamp: int) -> list[Payload]:
        """Payloads in sending order, none longer than MAX_PAYLOAD_BYTES.

        timestamp: RTP timestamp of the frame.
        """
        ...


class PacketKind(IntEnum):
    """What a packet is for; the lower value leaves first."""

    AUDIO = 0
    RETRANSMISSION = 1
    VIDEO = 2
    PADDING = 3


class Flow:
    """What all packets of one SSRC have in common on their way out.

    ssrc: of the packets.
    media_ssrc: of the media they belong to; differs from `ssrc` for RTX only.
    layer: 0 for the lowest simulcast layer; among waiting video the lower one leaves first.
    transport_cc_offset: where the transport-wide sequence number goes; 0 when there is none.
    """

    __slots__ = ("kind", "layer", "media_ssrc", "ssrc", "transport_cc_offset")

    def __init__(
        self, ssrc: Ssrc, kind: PacketKind, *, media_ssrc: Ssrc, layer: int = 0, transport_cc_offset: int = 0
    ) -> None:
        self.ssrc = ssrc
        self.media_ssrc = media_ssrc
        self.kind = kind
        self.layer = layer
        self.transport_cc_offset = transport_cc_offset


class PacketGroup:
    """Packets of one flow that belong together: a frame, or the answer to one NACK.

    A group and a plain list of buffers, not an object per packet: the send path handles some
    hundred packets per second, and an object each would cost a tenth of it.

    packets: complete RTP packets; nobody but the pacer's owner writes to them.
    size: bytes of all of them.
    released: how many have left the pacer; set by it.
    """

    __slots__ = ("flow", "packets", "released", "size")

    def __init__(self, flow: Flow, packets: list[bytearray]) -> None:
        self.flow = flow
        self.packets = packets
        self.size = sum(map(len, packets))
        self.released = 0

    def __len__(self) -> int:
        return len(self.packets)


def split_evenly(prefix: bytes, start: int, stop: int, limit: int) -> list[Payload]:
    """data[start:stop] in as few payloads of at most `limit` bytes behind `prefix` as possible, sizes nearly equal.

    Equal sizes keep the last packet of a frame from being tiny, which costs as much as a full one.
    """
    length = stop - start
    count = -(-length // limit)
    if count <= 1:
        return [(prefix, start, stop)] if length > 0 else []
    size = -(-length // count)
    payloads = [(prefix, position, position + size) for position in range(start, stop, size)]
    payloads[-1] = (prefix, payloads[-1][1], stop)
    return payloads


def contents(data: bytes, payloads: list[Payload]) -> list[bytes]:
    """The payloads as bytes."""
    return [prefix + data[start:stop] for prefix, start, stop in payloads]
