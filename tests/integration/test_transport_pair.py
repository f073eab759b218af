"""Our transports against plain aioice and aiortc as the server: real ICE, DTLS and SRTP over loopback."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest

from lkedge.errors import NegotiationError, TransportError
from lkedge.rtc.dtls import DtlsTransport
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.sdp import SectionSpec
from lkedge.rtc.settings import ConsentTimings, IceSettings, TransportState, TransportTimings
from lkedge.rtc.srtp_batch import UDP_SEGMENT, SrtpBatch
from lkedge.rtc.subscriber_transport import SubscriberTransport
from lkedge.rtp import profile
from lkedge.terms import Cid, Codec, Rid, Ssrc
from tests.integration.transport_peer import TransportPeer

CAMERA = SectionSpec(codec=Codec.VP8, cid=Cid("cam"), stream_id="s", rids=(Rid("q"), Rid("h"), Rid("f")))
MICROPHONE = SectionSpec(codec=Codec.OPUS, cid=Cid("mic"), stream_id="s", ssrc=Ssrc(7))
RECEIVER_REPORT = struct.pack("!BBHI", 0x80, 201, 1, 9)
CONSENT = ConsentTimings(interval_s=0.1, retry_s=0.05, silence_s=0.4, expiry_s=1.2)
TIMINGS = TransportTimings(answer_s=1, ice_s=3, dtls_s=3, overlap_s=0.1, consent=CONSENT)
LOOPBACK = IceSettings(loopback=True)


def rtp_packet(number: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, number, number * 3000, 1234) + b"payload"


@dataclass
class Publishing:
    """A publisher transport, its server, and what it reported."""

    peer: TransportPeer
    transport: PublisherTransport
    states: list[TransportState]
    rtcp: asyncio.Queue[bytes]
    trickled: list[str | None] = field(default_factory=list)

    async def connect(self) -> None:
        await self.transport.negotiate(self.peer.answer)
        await self.peer.connected()

    async def received(self) -> int:
        """Sequence number of the next packet that the server decrypts."""
        packet = await asyncio.wait_for(self.peer.rtp.get(), 2)
        return int(packet.sequence_number)

    async def until(self, state: TransportState) -> None:
        async with asyncio.timeout(5):
            while self.transport.state is not state:
                await asyncio.sleep(0.01)


@pytest.fixture
async def publishing() -> AsyncIterator[Publishing]:
    states: list[TransportState] = []
    rtcp: asyncio.Queue[bytes] = asyncio.Queue()
    trickled: list[str | None] = []
    transport = PublisherTransport(
        settings=LOOPBACK,
        on_rtcp=rtcp.put_nowait,
        on_state=states.append,
        on_candidate=trickled.append,
        timings=TIMINGS,
    )
    peer = TransportPeer()
    yield Publishing(peer, transport, states, rtcp, trickled)
    await transport.close()
    await peer.close()


async def test_media_flows_one_way_and_reports_the_other(publishing: Publishing) -> None:
    mid = publishing.transport.add_section(CAMERA)
    assert not publishing.transport.send_rtp(rtp_packet(0))
    await publishing.connect()
    assert publishing.states == [TransportState.CONNECTING, TransportState.CONNECTED]
    assert publishing.transport.send_rtp(bytearray(rtp_packet(1)))
    assert await publishing.received() == 1
    publishing.transport.send_rtcp(RECEIVER_REPORT)
    assert await asyncio.wait_for(publishing.peer.rtcp.get(), 2) == RECEIVER_REPORT
    await publishing.peer.send_rtcp(RECEIVER_REPORT)
    assert await asyncio.wait_for(publishing.rtcp.get(), 2) == RECEIVER_REPORT
    assert profile.RTP_STREAM_ID in publishing.transport.section(mid).extensions


async def test_nothing_is_sent_once_closed(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    await publishing.transport.close()
    assert not publishing.transport.send_rtp(rtp_packet(1))
    publishing.transport.send_rtcp(RECEIVER_REPORT)
    assert publishing.states[-1] is TransportState.CLOSED
    with pytest.raises(TransportError, match="over"):
        await publishing.transport.negotiate(publishing.peer.answer)


async def test_connects_when_candidates_trickle_before_the_answer(publishing: Publishing) -> None:
    publishing.peer.trickle = publishing.transport.add_remote_candidate
    publishing.transport.add_section(MICROPHONE)
    await publishing.connect()
    assert publishing.transport.state is TransportState.CONNECTED


async def test_connects_when_candidates_trickle_after_the_answer(publishing: Publishing) -> None:
    inits: list[str] = []
    publishing.peer.trickle = inits.append
    publishing.transport.add_section(MICROPHONE)
    negotiation = asyncio.create_task(publishing.transport.negotiate(publishing.peer.answer))
    await publishing.until(TransportState.CONNECTING)
    for init in ["nonsense", json.dumps({"candidate": "candidate:1 2 udp 5 127.0.0.1 9 typ host"}), *inits]:
        publishing.transport.add_remote_candidate(init)
    publishing.transport.end_of_remote_candidates()
    await negotiation
    assert publishing.transport.state is TransportState.CONNECTED


async def test_server_that_gives_only_tcp_is_named(publishing: Publishing) -> None:
    publishing.peer.is_tcp_only = True
    publishing.peer.trickle = publishing.transport.add_remote_candidate
    publishing.transport.add_section(MICROPHONE)

    async def exchange(offer: str) -> str:
        answer = await publishing.peer.answer(offer)
        publishing.transport.end_of_remote_candidates()
        return answer

    with pytest.raises(TransportError, match=r"only ICE over TCP, .*allow_tcp_fallback: false"):
        await publishing.transport.negotiate(exchange)
    assert publishing.transport.state is TransportState.FAILED


async def test_server_that_never_answers_checks_is_named(publishing: Publishing) -> None:
    def candidate_of_nobody(sdp: str) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
        return sdp + f"a=candidate:1 1 udp 5 127.0.0.1 {port} typ host\r\n"

    async def exchange(offer: str) -> str:
        publishing.peer.trickle = lambda init: None
        return candidate_of_nobody(await publishing.peer.answer(offer))

    transport = PublisherTransport(
        settings=LOOPBACK,
        on_rtcp=lambda data: None,
        on_state=lambda state: None,
        on_candidate=lambda init: None,
        timings=replace(TIMINGS, ice_s=0.2),
    )
    # The server checks our candidates too, so it has to be deaf as well.
    transport.add_section(MICROPHONE)
    publishing.peer._start = lambda *args, **kwargs: None  # type: ignore[method-assign]
    with pytest.raises(TransportError, match=r"none of the server's 1 candidates answered within 0\.2 s"):
        await transport.negotiate(exchange)
    await transport.close()


async def test_renegotiation_appends_and_removes_sections(publishing: Publishing) -> None:
    camera = publishing.transport.add_section(CAMERA)
    await publishing.connect()
    microphone = publishing.transport.add_section(MICROPHONE)
    with pytest.raises(NegotiationError, match="has not been negotiated"):
        publishing.transport.section(microphone)
    await publishing.transport.negotiate(publishing.peer.answer)
    assert not publishing.transport.section(microphone).is_rejected
    publishing.transport.remove_section(camera)
    await publishing.transport.negotiate(publishing.peer.answer)
    third = publishing.transport.add_section(CAMERA)
    await publishing.transport.negotiate(publishing.peer.answer)
    assert (camera, microphone, third) == ("0", "1", "2")
    assert publishing.transport.section(camera).is_rejected
    assert publishing.peer.offers[-1].count("m=") == 3
    assert publishing.peer.handshakes == 1
    assert len(publishing.peer.connections) == 1


async def test_rejected_section_leaves_the_others_alone(publishing: Publishing) -> None:
    publishing.peer.rejects = {0}
    camera, microphone = publishing.transport.add_section(CAMERA), publishing.transport.add_section(MICROPHONE)
    await publishing.connect()
    assert publishing.transport.section(camera).is_rejected
    assert not publishing.transport.section(microphone).is_rejected


async def test_section_added_during_an_exchange_is_taken_by_the_next(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)

    async def exchange(offer: str) -> str:
        publishing.transport.add_section(MICROPHONE)
        return await publishing.peer.answer(offer)

    await publishing.transport.negotiate(exchange)
    assert publishing.peer.offers[0].count("m=") == 1
    await publishing.transport.negotiate(publishing.peer.answer)
    assert publishing.peer.offers[1].count("m=") == 2


async def test_connects_with_nothing_to_publish(publishing: Publishing) -> None:
    await publishing.connect()
    assert "a=inactive" in publishing.peer.offers[0]


async def test_ice_restart_in_mid_stream_keeps_dtls_and_srtp(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    restart = asyncio.create_task(publishing.transport.restart_ice(publishing.peer.answer))
    sent = 0
    while not restart.done() or sent < 20:
        assert publishing.transport.send_rtp(rtp_packet(sent))
        sent += 1
        await asyncio.sleep(0.002)
    await restart
    await publishing.peer.connected()
    assert [await publishing.received() for _ in range(sent)] == list(range(sent))
    assert publishing.peer.handshakes == 1
    assert len(publishing.peer.connections) == 2
    assert publishing.states == [TransportState.CONNECTING, TransportState.CONNECTED]


def rtp_frame(first: int, count: int) -> list[bytearray]:
    return [bytearray(rtp_packet(first + index)) for index in range(count)]


def open_sockets() -> int:
    names = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.islink(name) and os.readlink(name).startswith("socket:") for name in names)


async def test_frames_go_out_whole_and_follow_an_ice_restart(publishing: Publishing) -> None:
    transport = publishing.transport
    transport.add_section(CAMERA)
    assert transport.send_many(rtp_frame(0, 3)) == 0
    await publishing.connect()
    sockets = open_sockets()
    restart = asyncio.create_task(transport.restart_ice(publishing.peer.answer))
    sent = 0
    while not restart.done() or sent < 60:
        assert transport.send_many(rtp_frame(sent, 6)) == 6
        sent += 6
        await asyncio.sleep(0.002)
    await restart
    await publishing.peer.connected()
    assert [await publishing.received() for _ in range(sent)] == list(range(sent))
    await publishing.peer.connections[0].close()
    async with asyncio.timeout(5):
        while open_sockets() > sockets:
            await asyncio.sleep(0.01)
    assert transport.send_many(rtp_frame(sent, 1)) == 1
    assert await publishing.received() == sent


def kernel_cuts() -> bool:
    """Whether this kernel makes several datagrams of one buffer (Linux 4.18)."""
    control = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", 1))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendmsg((b"ab",), control, 0, ("127.0.0.1", 9))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not kernel_cuts(), reason="the kernel has no UDP_SEGMENT")
async def test_a_frame_needs_one_system_call(publishing: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def send_singly(batch: SrtpBatch, ends: list[int]) -> int:
        sizes.append(len(ends))
        return len(ends)

    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    monkeypatch.setattr(SrtpBatch, "_send_singly", send_singly)
    monkeypatch.setattr(DtlsTransport, "_send_one", None)
    assert publishing.transport.send_many(rtp_frame(0, 6)) == 6
    assert [await publishing.received() for _ in range(6)] == list(range(6))
    assert sizes == []


async def test_frames_are_refused_once_closed(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    assert publishing.transport.send_many(rtp_frame(0, 2)) == 2
    await publishing.transport.close()
    assert publishing.transport.send_many(rtp_frame(2, 2)) == 0
    assert publishing.transport.unsent == 2


async def test_reports_flow_after_the_old_path_is_gone(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    await publishing.transport.restart_ice(publishing.peer.answer)
    await publishing.peer.connected()
    await asyncio.sleep(TIMINGS.overlap_s * 1.5)
    await publishing.peer.connections[0].close()
    await publishing.peer.send_rtcp(RECEIVER_REPORT)
    assert await asyncio.wait_for(publishing.rtcp.get(), 2) == RECEIVER_REPORT


async def test_dead_path_is_noticed_and_an_ice_restart_heals_it(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    publishing.peer.blackhole(publishing.peer.connections[0])
    await publishing.until(TransportState.DISCONNECTED)
    await publishing.transport.restart_ice(publishing.peer.answer)
    await publishing.peer.connected()
    assert publishing.transport.send_rtp(rtp_packet(5))
    assert await publishing.received() == 5
    assert publishing.transport.state is TransportState.CONNECTED


async def test_silent_server_that_answers_again_needs_no_restart(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    restore = publishing.peer.blackhole(publishing.peer.connections[0])
    await publishing.until(TransportState.DISCONNECTED)
    restore()
    await publishing.until(TransportState.CONNECTED)


async def test_consent_expires_and_sending_stops(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    publishing.peer.blackhole(publishing.peer.connections[0])
    await publishing.until(TransportState.FAILED)
    await asyncio.sleep(0)
    assert not publishing.transport.send_rtp(rtp_packet(1))
    await publishing.transport.restart_ice(publishing.peer.answer)
    assert publishing.states[-3:] == [TransportState.DISCONNECTED, TransportState.FAILED, TransportState.CONNECTED]


async def test_failed_restart_keeps_the_old_path_and_the_next_offer_restarts(publishing: Publishing) -> None:
    async def unanswered(offer: str) -> str:
        raise NegotiationError("the signal connection is gone")

    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    with pytest.raises(NegotiationError):
        await publishing.transport.restart_ice(unanswered)
    assert publishing.transport.send_rtp(rtp_packet(1))
    assert await publishing.received() == 1
    await publishing.transport.negotiate(publishing.peer.answer)
    await publishing.peer.connected()
    assert len(publishing.peer.connections) == 2
    assert publishing.transport.send_rtp(rtp_packet(2))
    assert await publishing.received() == 2


async def test_answer_of_another_ice_generation_asks_for_a_restart(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()

    async def exchange(offer: str) -> str:
        ufrag = publishing.peer.connections[-1].local_username
        return (await publishing.peer.answer(offer)).replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:else")

    with pytest.raises(NegotiationError, match="ICE has to be restarted"):
        await publishing.transport.negotiate(exchange)
    await publishing.transport.negotiate(publishing.peer.answer)
    assert len(publishing.peer.connections) == 2


async def test_server_with_another_certificate_is_another_server(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    stranger = TransportPeer()
    with pytest.raises(TransportError, match="another DTLS certificate"):
        await publishing.transport.restart_ice(stranger.answer)
    await stranger.close()


async def test_server_that_lies_about_its_certificate_is_refused(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    real = publishing.peer.certificate.getFingerprints()[0].value

    async def exchange(offer: str) -> str:
        return (await publishing.peer.answer(offer)).replace(real[:8], "00:00:00")

    with pytest.raises(TransportError, match="its certificate is not the one it announced"):
        await publishing.transport.negotiate(exchange)
    assert publishing.transport.state is TransportState.FAILED


async def test_server_that_ends_dtls_ends_the_transport(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    assert publishing.peer.dtls is not None
    await publishing.peer.dtls.stop()
    await publishing.until(TransportState.FAILED)
    assert not publishing.transport.send_rtp(rtp_packet(1))
    with pytest.raises(TransportError, match="over"):
        await publishing.transport.restart_ice(publishing.peer.answer)


HOSTILE = [
    b"",
    b"\x80",
    b"\x80\xc8",
    b"\x80" + bytes(1999),
    b"\x80\xc9" + bytes(1498),
    b"\x16\xfe\xfd" + bytes(40),
    b"\x15\xfe\xfd" + bytes(10),
    os.urandom(600),
    # STUN with a PRIORITY of one byte, at which aioice's parser raises struct.error
    struct.pack("!HHI12sHH", 1, 8, 0x2112A442, bytes(12), 0x24, 1) + b"\0\0\0\0",
]


async def test_hostile_datagrams_change_nothing(publishing: Publishing, caplog: pytest.LogCaptureFixture) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    ports = [int(line.split()[5]) for line in publishing.peer.offers[0].split("\r\n") if line.startswith("a=candidate")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        for port in ports:
            for datagram in HOSTILE:
                attacker.sendto(datagram, ("127.0.0.1", port))
    await publishing.peer.send_rtcp(RECEIVER_REPORT)
    assert await asyncio.wait_for(publishing.rtcp.get(), 2) == RECEIVER_REPORT
    assert publishing.transport.send_rtp(rtp_packet(3))
    assert await publishing.received() == 3
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_failing_rtcp_handler_does_not_end_reception(publishing: Publishing) -> None:
    seen: list[bytes] = []

    def fail(data: bytes) -> None:
        seen.append(data)
        raise RuntimeError("a bug")

    peer = publishing.peer
    transport = PublisherTransport(
        settings=LOOPBACK,
        on_rtcp=fail,
        on_state=publishing.states.append,
        on_candidate=lambda init: None,
        timings=TIMINGS,
    )
    transport.add_section(CAMERA)
    await transport.negotiate(peer.answer)
    await peer.connected()
    for _ in range(2):
        await peer.send_rtcp(RECEIVER_REPORT)
    async with asyncio.timeout(2):
        while len(seen) < 2:
            await asyncio.sleep(0.01)
    assert transport.state is TransportState.CONNECTED
    await transport.close()


async def test_too_long_a_packet_is_refused_and_counted(publishing: Publishing) -> None:
    publishing.transport.add_section(CAMERA)
    await publishing.connect()
    assert not publishing.transport.send_rtp(rtp_packet(1) + bytes(1500))
    assert not publishing.transport.send_rtp(b"")
    assert publishing.transport.unsent == 2


@pytest.fixture
async def subscribing() -> AsyncIterator[tuple[TransportPeer, SubscriberTransport, list[TransportState]]]:
    states: list[TransportState] = []
    peer = TransportPeer()
    transport = SubscriberTransport(
        settings=LOOPBACK, on_state=states.append, on_candidate=lambda init: None, timings=TIMINGS
    )
    yield peer, transport, states
    await transport.close()
    await peer.close()


def accepting(peer: TransportPeer) -> Callable[[str], asyncio.Future[None]]:
    def send(answer: str) -> asyncio.Future[None]:
        peer.accept(answer)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    return send


async def test_subscriber_answers_offer_and_ice_restart(
    subscribing: tuple[TransportPeer, SubscriberTransport, list[TransportState]],
) -> None:
    peer, transport, states = subscribing
    for generation in (1, 2):
        await transport.answer(await peer.offer(), accepting(peer))
        await peer.connected()
        assert len(peer.connections) == generation
    assert peer.handshakes == 1
    assert states == [TransportState.CONNECTING, TransportState.CONNECTED]


async def test_subscriber_keeps_candidates_that_precede_the_offer(
    subscribing: tuple[TransportPeer, SubscriberTransport, list[TransportState]],
) -> None:
    peer, transport, _ = subscribing
    peer.trickle = transport.add_remote_candidate
    offer = await peer.offer()
    await transport.answer(offer, accepting(peer))
    assert transport.state is TransportState.CONNECTED


async def test_subscriber_answers_a_renegotiation_on_the_same_path(
    subscribing: tuple[TransportPeer, SubscriberTransport, list[TransportState]],
) -> None:
    peer, transport, _ = subscribing
    offer = await peer.offer()
    await transport.answer(offer, accepting(peer))
    answers: list[str] = []

    async def send(answer: str) -> None:
        answers.append(answer)

    await transport.answer(offer, send)
    assert "a=setup:active" in answers[0]
    assert transport.state is TransportState.CONNECTED
