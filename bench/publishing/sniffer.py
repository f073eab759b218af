"""Everything that passes between a publisher and the server, seen on the loop-back interface.

RTP headers are in clear under SRTP, and signalling on this machine is plain WebSocket, so
both publishers are timed from outside in the same way. Needs root (or CAP_NET_RAW).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.message import DecodeError
from livekit.protocol.rtc import SignalResponse

ETHERNET_BYTES = 14
ETH_P_IP = 0x0800
SOL_PACKET, PACKET_VNET_HDR = 263, 15
VIRTIO_HEADER = struct.Struct("=BBHHHH")
"""linux/virtio_net.h, struct virtio_net_hdr: the fourth field is the size of the segments."""

TCP, UDP = 6, 17
BINARY = 0x82
RTCP_TYPES = range(192, 224)
AUDIO_TYPES = (111, 63)


class Packet(NamedTuple):
    """One RTP packet. size: on the wire from RTP on."""

    at_ns: int
    ssrc: int
    payload_type: int
    is_marked: bool
    size: int


class QualityUpdate(NamedTuple):
    """A SubscribedQualityUpdate on its way to a publisher. enabled: LOW, MEDIUM, HIGH are 0, 1, 2."""

    at_ns: int
    enabled: frozenset[int]


class Sniffer:
    """Listens from `with` to its end; a thread collects.

    packets: RTP sent to the server. updates: what the server said to a publisher.
    """

    def __init__(self, signal_port: int, udp_port: int) -> None:
        self._signal_port, self._udp_port = signal_port, udp_port
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self._thread = threading.Thread(target=self._run, name="sniffer", daemon=True)
        self._is_over = False
        self.packets: list[Packet] = []
        self.updates: list[QualityUpdate] = []

    def __enter__(self) -> Sniffer:
        self._socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.settimeout(0.2)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        self._socket.close()

    def media_since(self, at_ns: int) -> dict[int, list[Packet]]:
        """Video packets by SSRC, the fattest stream first: f, h, q. Retransmissions and padding are left out."""
        video = [one for one in self.packets if one.at_ns >= at_ns and one.payload_type not in AUDIO_TYPES]
        types = Counter(one.payload_type for one in video)
        streams: dict[int, list[Packet]] = defaultdict(list)
        for packet in video:
            if packet.payload_type == types.most_common(1)[0][0]:
                streams[packet.ssrc].append(packet)
        return dict(sorted(streams.items(), key=lambda item: -_bytes(item[1])))

    def _run(self) -> None:
        while not self._is_over:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            segment_bytes = VIRTIO_HEADER.unpack_from(data)[3]
            self._take(data[VIRTIO_HEADER.size + ETHERNET_BYTES :], segment_bytes, time.monotonic_ns())

    def _take(self, ip: bytes, segment_bytes: int, at_ns: int) -> None:
        """segment_bytes: of a datagram that stands for several (UDP_SEGMENT), else 0."""
        segment = ip[(ip[0] & 15) * 4 :]
        source, target = struct.unpack_from("!HH", segment)
        if ip[9] == UDP and target == self._udp_port:
            for begin in range(8, len(segment), segment_bytes or len(segment)):
                self._take_rtp(segment[begin : begin + (segment_bytes or len(segment))], at_ns)
        elif ip[9] == TCP and source == self._signal_port:
            self.updates += _quality_updates(segment[(segment[12] >> 4) * 4 :], at_ns)

    def _take_rtp(self, data: bytes, at_ns: int) -> None:
        if len(data) < 12 or data[0] >> 6 != 2 or data[1] in RTCP_TYPES:
            return
        ssrc = struct.unpack_from("!I", data, 8)[0]
        self.packets.append(Packet(at_ns, ssrc, data[1] & 0x7F, data[1] >= 128, len(data)))


def _bytes(packets: list[Packet]) -> int:
    return sum(packet.size for packet in packets)


def _quality_updates(stream: bytes, at_ns: int) -> Iterator[QualityUpdate]:
    """From WebSocket frames that begin where a segment begins, as they do here."""
    while len(stream) > 2 and stream[0] == BINARY:
        begin, length = 2, stream[1]
        if length == 126:
            begin, length = 4, struct.unpack_from("!H", stream, 2)[0]
        elif length == 127:
            begin, length = 10, struct.unpack_from("!Q", stream, 2)[0]
        yield from _update_of(stream[begin : begin + length], at_ns)
        stream = stream[begin + length :]


def _update_of(body: bytes, at_ns: int) -> Iterator[QualityUpdate]:
    try:
        message = SignalResponse.FromString(body)
    except DecodeError:
        return
    if message.WhichOneof("message") == "subscribed_quality_update":
        codecs = message.subscribed_quality_update.subscribed_codecs
        qualities = codecs[0].qualities if codecs else message.subscribed_quality_update.subscribed_qualities
        yield QualityUpdate(at_ns, frozenset(entry.quality for entry in qualities if entry.enabled))
