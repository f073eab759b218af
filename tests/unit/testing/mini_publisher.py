"""The least publisher that the loop-back SFU can be tested with: hand-written SDP and RTP.

It shares nothing with lkedge.rtc but the numbers of rtp.profile. For the transport it
uses the SFU's own class the other way round.
"""

from __future__ import annotations

import asyncio
import struct
import time
from dataclasses import dataclass, field

from lkedge.media.layers import VideoEncoding, simulcast_ladder, single_layer
from lkedge.rtp.profile import AUDIO_LEVEL, EXTENSION_ID, MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, TRANSPORT_CC
from lkedge.signaling import events, requests
from lkedge.signaling.claims import Grants
from lkedge.signaling.client import SignalClient
from lkedge.terms import BitsPerSecond, Cid, Codec, TrackKind, TrackSource
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_answer import LocalEnd
from lkedge.testing.sfu_publisher import candidate_text
from lkedge.testing.sfu_sdp import parse
from lkedge.testing.sfu_transport import Gate, SfuTransport

VP8_KEY = bytes([0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00]) + bytes(20)
VP8_DELTA = bytes([0x10, 0x11]) + bytes(20)
NTP_OFFSET_S = 2_208_988_800


@dataclass
class Section:
    cid: str
    kind: TrackKind
    rids: tuple[str, ...] = ()
    direction: str = "sendonly"
    ssrc: int = 1000


@dataclass
class Sender:
    """One SSRC: builds packets with our own header extensions."""

    ssrc: int
    mid: str
    rid: str = ""
    payload_type: int = 96
    sequence: int = 5000
    timestamp: int = 500_000
    rrid: str = ""
    sent: int = 0

    def packet(
        self, payload: bytes, *, marker: bool = True, transport: int | None = None, sequence: int | None = None
    ) -> bytes:
        extensions = [(EXTENSION_ID[MID], self.mid.encode())]
        if self.rid:
            extensions.append((EXTENSION_ID[RTP_STREAM_ID], self.rid.encode()))
        if self.rrid:
            extensions.append((EXTENSION_ID[REPAIRED_RTP_STREAM_ID], self.rrid.encode()))
        if transport is not None:
            extensions.append((EXTENSION_ID[TRANSPORT_CC], struct.pack("!H", transport & 0xFFFF)))
        block = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in extensions)
        block += bytes(-len(block) % 4)
        if sequence is None:
            self.sequence = (self.sequence + 1) & 0xFFFF
            sequence = self.sequence
        self.sent += 1
        header = struct.pack("!BBHII", 0x90, marker << 7 | self.payload_type, sequence, self.timestamp, self.ssrc)
        return header + struct.pack("!HH", 0xBEDE, len(block) // 4) + block + payload

    def report(self) -> bytes:
        seconds = time.time() + NTP_OFFSET_S
        ntp = int(seconds) << 32 | int(seconds % 1 * (1 << 32))
        return struct.pack("!BBHIQIII", 0x80, 200, 6, self.ssrc, ntp, self.timestamp, self.sent, self.sent * 100)


@dataclass
class MiniPublisher:
    """Joins, offers, sends. Everything received is kept in `events` and `rtcp`."""

    sfu: LoopbackSfu
    events: list[events.SignalEvent] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    offer_id: int = 0
    transport_sequence: int = 0

    def __post_init__(self) -> None:
        self.client = SignalClient(self._on_event)
        self.gate = Gate(time.monotonic_ns)
        self.transport = SfuTransport(self.gate, is_offerer=True, on_rtcp=self.rtcp.append)
        self._changed = asyncio.Event()
        self._local: LocalEnd | None = None
        self._token = ""

    async def join(self, identity: str = "camera", grants: Grants | None = None) -> events.Joined:
        self._token = self.sfu.token(identity, grants=grants)
        joined = await self.client.connect(self.sfu.url, self._token)
        assert isinstance(joined, events.Joined)
        self.joined = joined
        return joined

    async def resume(self) -> events.Resumed:
        await self.client.close(leave=False)
        resumed = await self.client.connect(self.sfu.url, self._token, self.joined.resume_from())
        assert isinstance(resumed, events.Resumed)
        return resumed

    async def add_video(self, name: str, rids: tuple[str, ...] = ("q", "h", "f")) -> str:
        width = {3: 1280, 2: 640, 1: 320, 0: 1280}[len(rids)]
        encoding = VideoEncoding(BitsPerSecond(1_000_000), 30)
        ladder = simulcast_ladder(width, width * 9 // 16, encoding) if rids else single_layer(width, 720, encoding)
        cid = f"cid-{name}"
        request = requests.AddTrack(Cid(cid), name, TrackSource.CAMERA, Codec.VP8, width, width * 9 // 16, ladder)
        self.client.send(request)
        await self.wait(
            lambda event: isinstance(event, events.TrackPublished | events.RequestRefused) and event.cid == cid
        )
        self.sections.append(Section(cid, TrackKind.VIDEO, rids, ssrc=1000 + 100 * len(self.sections)))
        return cid

    async def add_audio(self, name: str) -> str:
        cid = f"cid-{name}"
        self.client.send(requests.AddTrack(Cid(cid), name, TrackSource.MICROPHONE, Codec.OPUS))
        await self.wait(lambda event: isinstance(event, events.TrackPublished) and event.cid == cid)
        self.sections.append(Section(cid, TrackKind.AUDIO, ssrc=1000 + 100 * len(self.sections)))
        return cid

    async def negotiate(self, *, restart: bool = False) -> str:
        """Offer, await the answer, connect when that is new; returns the answer."""
        is_new = self._local is None or restart
        if is_new:
            self._local = await self.transport.prepare()
        self.offer_id += 1
        self.client.send(requests.Offer(self.offer_text(), self.offer_id))
        event = await self.wait(lambda event: isinstance(event, events.AnswerReceived) and event.id == self.offer_id)
        assert isinstance(event, events.AnswerReceived)
        if is_new:
            assert await self.transport.connect(parse(event.sdp))
            await self.sfu.until(lambda: self.sfu.participant().is_connected)
        return event.sdp

    async def send(self, sender: Sender, payload: bytes, *, marker: bool = True) -> None:
        self.transport_sequence += 1
        await self.send_bytes(sender.packet(payload, marker=marker, transport=self.transport_sequence))

    async def send_bytes(self, data: bytes) -> None:
        await self.transport.send_rtcp(data)

    async def wait(self, is_it: object, timeout_s: float = 5.0) -> events.SignalEvent:
        """The first event, past ones included, for which `is_it` is true."""
        assert callable(is_it)
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.events:
                    if is_it(event):
                        return event
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        await self.client.close()
        await self.transport.close()

    def offer_text(self) -> str:
        assert self._local is not None
        mids = " ".join(str(index) for index in range(len(self.sections)))
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
        for index, section in enumerate(self.sections):
            lines += self._section_lines(str(index), section)
        return "\r\n".join(lines) + "\r\n"

    def _section_lines(self, mid: str, section: Section) -> list[str]:
        assert self._local is not None
        is_audio = section.kind is TrackKind.AUDIO
        uris = (MID, AUDIO_LEVEL) if is_audio else (MID, TRANSPORT_CC, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID)
        lines = [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF " + ("111" if is_audio else "96 97"),
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a={section.direction}",
            f"a=msid:stream {section.cid}",
            "a=rtcp-mux",
            f"a=ice-ufrag:{self._local.ufrag}",
            f"a=ice-pwd:{self._local.pwd}",
            f"a=fingerprint:sha-256 {self._local.fingerprint}",
            "a=setup:actpass",
            *(f"a=extmap:{EXTENSION_ID[uri]} {uri}" for uri in uris),
        ]
        if is_audio:
            lines += ["a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtcp-fb:111 nack"]
        else:
            lines += [
                "a=rtpmap:96 VP8/90000",
                "a=rtcp-fb:96 nack",
                "a=rtcp-fb:96 nack pli",
                "a=rtcp-fb:96 transport-cc",
            ]
            lines += ["a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"]
        lines += [f"a=rid:{rid} send" for rid in section.rids]
        lines += (
            [f"a=simulcast:send {';'.join(section.rids)}"] if section.rids else [f"a=ssrc:{section.ssrc} cname:mini"]
        )
        return lines + [f"a=candidate:{candidate}" for candidate in self._local.candidates]

    def _on_event(self, event: events.SignalEvent) -> None:
        self.events.append(event)
        self._changed.set()
        if isinstance(event, events.TrickleReceived) and event.target is requests.SignalTarget.PUBLISHER:
            self._pending = asyncio.create_task(
                self.transport.add_candidate(candidate_text(event.candidate_init) or "")
            )
