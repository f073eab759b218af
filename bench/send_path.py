"""Packets per second and core: our send path next to aiortc's own sender, on the same machine in the same run.

    python bench/send_path.py [--frames 1000] [--rounds 15] [--json]

Both send the same VP8 frames through libsrtp (AES-GCM) to a UDP socket on loopback that nobody
reads. Ours is wired as in a session: RtpStream, Egress with its pacer (at a rate that never
delays) and a DtlsTransport that has connected to another one; once more with its fallback for
TURN and other paths without a socket, one packet at a time. Theirs: RTCRtpSender with a track of
encoded packets, RTCDtlsTransport and an aioice connection, untouched; only the handshakes are
skipped. The rounds alternate; CPU time counts, not wall time, and medians over the rounds are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from functools import partial
from typing import Any, cast

import aioice
import av
from aioice.ice import CandidatePair, StunProtocol
from aiortc import MediaStreamTrack, RTCCertificate, RTCDtlsTransport, RTCIceTransport, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import (
    RTCRtcpParameters,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpSendParameters,
)
from pylibsrtp import Policy, Session

from lkedge.clock import SystemClock
from lkedge.media.frame import EncodedFrame
from lkedge.rtc.dtls import DtlsTransport
from lkedge.rtc.egress import Egress, WriteMany
from lkedge.rtc.ice import IcePath
from lkedge.rtc.sdp_parser import RemoteDescription
from lkedge.rtc.settings import IceSettings, TransportTimings
from lkedge.rtc.stream import RtpStream, StreamConfig
from lkedge.rtc.transport import IceDtlsTransport
from lkedge.rtp.profile import EXTENSION_ID, MID, PAYLOAD_TYPE
from lkedge.terms import BitsPerSecond, Codec, Mid, Rid

FRAME_BYTES = 7_000
"""One of 30 frames per second at 1.7 Mbit/s."""

KEY_FRAME_BYTES = 60_000
KEY_FRAME_EVERY = 100
FRAME_NS = 33_333_333
SINK_BYTES = 4096
"""Receive buffer of the socket that nobody reads."""

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


def frames(count: int) -> list[bytes]:
    """Random bytes of the sizes of a video's frames, the same in every run."""
    source = random.Random(1)
    key, delta = source.randbytes(KEY_FRAME_BYTES), source.randbytes(FRAME_BYTES)
    return [key if index % KEY_FRAME_EVERY == 0 else delta for index in range(count)]


def sink() -> socket.socket:
    """A port that takes datagrams and throws them away when its buffer is full."""
    target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SINK_BYTES)
    target.bind(("127.0.0.1", 0))
    return target


class Result:
    """packets sent in cpu_s seconds of CPU time of this process."""

    def __init__(self, packets: int, cpu_s: float) -> None:
        self.packets = packets
        self.cpu_s = cpu_s

    @property
    def microseconds(self) -> float:
        return self.cpu_s / self.packets * 1e6


class Pair:
    """Two of our transports, connected over loopback by ICE and DTLS; the second is deaf."""

    def __init__(self) -> None:
        self._ends = [self._end("sender", is_controlling=True), self._end("sink", is_controlling=False)]

    async def connect(self) -> DtlsTransport:
        """What `Egress` is given by a session."""
        paths = [await end.open_path() for end in self._ends]
        remotes = [self._description(1, paths[1], "passive"), self._description(0, paths[0], "active")]
        await asyncio.gather(*(e.establish(p, r) for e, p, r in zip(self._ends, paths, remotes, strict=True)))
        target, dtls = paths[1].connection.target, self._ends[0].dtls
        assert target is not None
        assert target.sock is not None
        assert dtls is not None
        target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SINK_BYTES)
        return dtls

    async def close(self) -> None:
        for end in self._ends:
            await end.close()

    def _end(self, name: str, *, is_controlling: bool) -> IceDtlsTransport:
        return IceDtlsTransport(
            name,
            settings=IceSettings(loopback=True),
            timings=TransportTimings(),
            is_controlling=is_controlling,
            on_rtcp=lambda data: None,
            on_state=lambda state: None,
            on_candidate=lambda init: None,
        )

    def _description(self, end: int, path: IcePath, setup: str) -> RemoteDescription:
        connection = path.connection
        return RemoteDescription(
            connection.local_username,
            connection.local_password,
            (self._ends[end].fingerprint(),),
            setup,
            False,
            tuple(line for line in connection.candidate_lines if " 127.0.0.1 " in line),
            True,
            (),
        )


def one_by_one(dtls: DtlsTransport) -> WriteMany | None:
    """Egress then calls `send_rtp`."""
    return None


async def run_ours(data: list[bytes], way: Callable[[DtlsTransport], WriteMany | None]) -> Result:
    pair = Pair()
    dtls = await pair.connect()
    egress = Egress(
        dtls.send_rtp,
        write_many=way(dtls),
        loop=asyncio.get_running_loop(),
        clock=SystemClock(),
        rate=BitsPerSecond(10**12),
        burst_ns=10**9,
    )
    config = StreamConfig(Codec.VP8, Mid("0"), Rid("f"), frozenset(EXTENSION_ID), True, 0, "bench")
    stream = RtpStream(config)
    encoded = [EncodedFrame(Codec.VP8, Rid("f"), payload, index * FRAME_NS) for index, payload in enumerate(data)]
    gc.collect()
    begin = time.process_time()
    for frame in encoded:
        egress.send(stream.packetize(frame))
    elapsed = time.process_time() - begin
    egress.close()
    await pair.close()
    return Result(egress.counters.packets, elapsed)


def srtp_session() -> Session:
    """A sending session as RTCDtlsTransport sets it up."""
    policy = Policy(bytes(range(28)), Policy.SSRC_ANY_OUTBOUND, 0, Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


def encoded_packet(index: int, payload: bytes) -> av.Packet[Any]:
    packet = av.Packet(payload)
    packet.pts = index * 3000
    packet.time_base = Fraction(1, 90_000)
    return packet


class EncodedTrack(MediaStreamTrack):
    """A track whose frames are encoded already."""

    kind = "video"

    def __init__(self, data: list[bytes]) -> None:
        super().__init__()
        self._packets = iter([encoded_packet(index, payload) for index, payload in enumerate(data)])

    async def recv(self) -> av.Packet[Any]:
        try:
            return next(self._packets)
        except StopIteration:
            raise MediaStreamError from None


class IceTransport:
    """RTCIceTransport's way to send, over a connection whose pair was nominated by hand."""

    role = "controlling"

    def __init__(self, connection: aioice.Connection) -> None:
        self._connection = connection

    async def _send(self, data: bytes) -> None:
        await self._connection.send(data)


async def nominated_connection(address: tuple[str, int]) -> tuple[aioice.Connection, StunProtocol]:
    connection = aioice.Connection(ice_controlling=True)
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: StunProtocol(connection), local_addr=("127.0.0.1", 0)
    )
    remote = aioice.Candidate("1", 1, "udp", 1, *address, "host")
    remote._network_host = address[0]
    protocol.local_candidate = remote
    connection._nominated[1] = CandidatePair(protocol, remote)
    return connection, protocol


def aiortc_parameters() -> RTCRtpSendParameters:
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=PAYLOAD_TYPE[Codec.VP8])
    extensions = [
        RTCRtpHeaderExtensionParameters(id=EXTENSION_ID[MID], uri=MID),
        RTCRtpHeaderExtensionParameters(id=3, uri=ABS_SEND_TIME),
    ]
    return RTCRtpSendParameters([codec], extensions, muxId="0", rtcp=RTCRtcpParameters(cname="bench"))


async def run_aiortc(data: list[bytes]) -> Result:
    with sink() as target:
        connection, protocol = await nominated_connection(target.getsockname())
        link = cast(RTCIceTransport, IceTransport(connection))
        transport = RTCDtlsTransport(link, [RTCCertificate.generateCertificate()])
        transport._tx_srtp = srtp_session()
        transport._state = State.CONNECTED
        sender = RTCRtpSender(EncodedTrack(data), transport)
        gc.collect()
        begin = time.process_time()
        await sender.send(aiortc_parameters())
        await vars(sender)["_RTCRtpSender__rtp_task"]
        elapsed = time.process_time() - begin
        packets = vars(sender)["_RTCRtpSender__packet_count"]
        await sender.stop()
        await protocol.close()
    return Result(packets, elapsed)


SENDERS: dict[str, Callable[[list[bytes]], Awaitable[Result]]] = {
    "lkedge": partial(run_ours, way=lambda dtls: dtls.send_many),
    "lkedge, fallback as for TURN": partial(run_ours, way=one_by_one),
    "aiortc RTCRtpSender": run_aiortc,
}
"""The last one is what the others are compared with."""


async def measure(count: int, rounds: int) -> dict[str, list[float]]:
    """CPU microseconds per packet of every sender in every round."""
    data = frames(count)
    rows: dict[str, list[float]] = {name: [] for name in SENDERS}
    for _ in range(rounds):
        for name, run in SENDERS.items():
            rows[name].append((await run(data)).microseconds)
    return rows


def results(rows: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds; the ratio is taken within each, as the machine's speed changes between them."""
    stock = list(rows.values())[-1]
    return {
        name: {
            "us_per_packet": statistics.median(row),
            "ratio": statistics.median(theirs / ours for theirs, ours in zip(stock, row, strict=True)),
        }
        for name, row in rows.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000, help="frames per round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    logging.disable()
    found = results(asyncio.run(measure(arguments.frames, arguments.rounds)))
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, result in found.items():
        cost = result["us_per_packet"]
        print(f"{name:30}{1e6 / cost:>9,.0f} packets/s/core {cost:6.2f} us/packet {result['ratio']:5.2f} x")


if __name__ == "__main__":
    main()
