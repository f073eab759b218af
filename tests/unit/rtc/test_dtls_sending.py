"""How frames leave the DTLS transport: whole over a socket, packet by packet over anything else."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pylibsrtp
import pytest
from pylibsrtp import Policy, Session

from lkedge.media.frame import EncodedFrame
from lkedge.rtc.dtls import MAX_BACKLOG_BYTES, DtlsTransport
from lkedge.rtc.egress import Egress
from lkedge.rtc.ice import IcePath
from lkedge.rtc.link import IceLink
from lkedge.rtc.send_target import SendTarget
from lkedge.rtc.stream import RtpStream, StreamConfig
from lkedge.rtp.header import HeaderTemplate
from lkedge.rtp.profile import EXTENSION_ID
from lkedge.terms import Codec, Mid, Rid, Ssrc
from lkedge.testing.clock import FakeClock
from tests.unit.rtc.fake_loop import FakeLoop

KEY = bytes(range(28))
HERE = ("127.0.0.1", 9)


def session(direction: int) -> Session:
    policy = Policy(KEY, direction, 0, Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    return Session(policy)


def packets(count: int, first: int = 0) -> list[bytearray]:
    template = HeaderTemplate(96, Ssrc(5), {})
    return [template.packet(first + index, 0, bytes((index,)) * 100, marker=False) for index in range(count)]


class Socket:
    """Takes datagrams until `room` are there; a call with a control message may hold several."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.calls = 0
        self.datagrams: list[bytes] = []

    def sendmsg(self, buffers: tuple[memoryview], control: Any, flags: int, address: tuple[str, int]) -> int:
        self.calls += 1
        size = int.from_bytes(control[0][2], "little") if control else len(buffers[0])
        cut = [bytes(buffers[0][at : at + size]) for at in range(0, len(buffers[0]), size)]
        if len(self.datagrams) + len(cut) > self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        self.datagrams += cut
        return len(buffers[0])


class Wire:
    """A nominated pair; what asyncio, or a TURN allocation, was given is in `singles`."""

    def __init__(self, sock: object = None, address: tuple[str, int] = HERE) -> None:
        self.singles: list[bytes] = []
        self.waiting = 0
        self.target = SendTarget(
            lambda data, address: self.singles.append(data),
            address,
            lambda: self.waiting,
            cast("socket.socket | None", sock),
        )

    @property
    def path(self) -> IcePath:
        return cast(IcePath, SimpleNamespace(connection=SimpleNamespace(target=self.target)))


class Given:
    """A transport whose handshake is over."""

    def __init__(self) -> None:
        self.link = IceLink("controlling")
        self.dtls = DtlsTransport(self.link, lambda data: None, lambda: None)
        self.dtls._tx_srtp = session(Policy.SSRC_ANY_OUTBOUND)
        self.dtls._is_up = True
        self._unprotect = session(Policy.SSRC_ANY_INBOUND).unprotect

    def use(self, wire: Wire) -> Wire:
        self.link.path = wire.path
        return wire

    def plain(self, datagrams: list[bytes]) -> list[bytes]:
        return [self._unprotect(datagram) for datagram in datagrams]


@pytest.fixture
async def given() -> AsyncIterator[Given]:
    made = Given()
    yield made
    await made.dtls.close()


async def test_a_frame_is_one_system_call_and_stays_as_it_was(given: Given) -> None:
    sock = Socket()
    wire = given.use(Wire(sock))
    frame = packets(6)
    before = [bytes(packet) for packet in frame]

    assert given.dtls.send_many(frame) == 6

    assert (sock.calls, wire.singles, given.dtls.sent) == (1, [], 6)
    assert given.plain(sock.datagrams) == frame == before


async def test_a_path_switch_takes_the_next_frame_along(given: Given) -> None:
    old, new = Socket(), Socket()
    given.use(Wire(old))
    given.dtls.send_many(packets(3))
    given.use(Wire(new))

    assert given.dtls.send_many(packets(2, first=3)) == 2

    assert (len(old.datagrams), len(new.datagrams)) == (3, 2)
    assert given.plain(old.datagrams + new.datagrams)[-1] == packets(2, first=3)[-1]


async def test_a_socket_that_its_path_has_closed_takes_nothing(given: Given) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        given.use(Wire(sock))
        assert given.dtls.send_many(packets(1)) == 1

    assert given.dtls.send_many(packets(4, first=1)) == 0
    assert (given.dtls.sent, given.dtls.refused) == (1, 4)


async def test_without_a_path_nothing_is_taken(given: Given) -> None:
    given.use(Wire(Socket()))
    given.dtls.send_many(packets(1))
    given.link.close()

    assert given.dtls.send_many(packets(4, first=1)) == 0
    assert (given.dtls.unsent, given.dtls.refused) == (4, 0)


async def test_a_closed_transport_takes_nothing_and_keeps_no_socket(given: Given) -> None:
    sock = Socket()
    given.use(Wire(sock))
    given.dtls.send_many(packets(1))
    await given.dtls.close()

    assert given.dtls.send_many(packets(2, first=1)) == 0
    assert len(sock.datagrams) == 1
    assert given.dtls._batch is None


async def test_a_full_socket_refuses_the_rest(given: Given) -> None:
    sock = Socket(room=60)
    given.use(Wire(sock))

    assert given.dtls.send_many(packets(100)) == 48
    assert (given.dtls.sent, given.dtls.refused) == (48, 52)


async def test_what_asyncio_holds_of_the_socket_goes_first(given: Given) -> None:
    sock = Socket()
    wire = given.use(Wire(sock))
    wire.waiting = 1

    assert given.dtls.send_many(packets(3)) == 3
    wire.waiting = 0
    assert given.dtls.send_many(packets(3, first=3)) == 3

    assert (len(wire.singles), sock.calls) == (3, 1)
    assert given.plain(wire.singles + sock.datagrams) == packets(3) + packets(3, first=3)


async def test_a_backlog_that_only_grows_ends_a_frame(given: Given) -> None:
    wire = given.use(Wire(Socket()))
    wire.waiting = MAX_BACKLOG_BYTES + 1

    assert given.dtls.send_many(packets(5)) == 0
    assert (given.dtls.sent, given.dtls.refused) == (0, 5)


async def test_turn_gets_packets_one_by_one(given: Given) -> None:
    wire = given.use(Wire())

    assert given.dtls.send_many(packets(3)) == 3

    assert given.plain(wire.singles) == packets(3)
    assert given.dtls.sent == 3


async def _fall_back(given: Given, caplog: pytest.LogCaptureFixture) -> str:
    sock = Socket()
    with caplog.at_level(logging.DEBUG, "lkedge.rtc.dtls"):
        for first in (0, 3):
            wire = given.use(Wire(sock))
            assert given.dtls.send_many(packets(3, first=first)) == 3
            assert len(wire.singles) == 3
    assert sock.calls == 0
    (record,) = caplog.records
    return record.getMessage()


async def test_another_binding_of_libsrtp_is_named_once(
    given: Given, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylibsrtp._binding", SimpleNamespace(ffi=None))

    assert "install pylibsrtp >=1.0,<2" in await _fall_back(given, caplog)


async def test_another_libsrtp_is_named_once(
    given: Given, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pylibsrtp import _binding

    other = SimpleNamespace(ffi=_binding.ffi, lib=SimpleNamespace(srtp_protect=_binding.lib.srtp_create))
    monkeypatch.setitem(sys.modules, "pylibsrtp._binding", other)

    assert "srtp_protect takes 2 arguments" in await _fall_back(given, caplog)


async def test_a_session_without_its_context_is_named_once(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    real = given.dtls._tx_srtp
    given.dtls._tx_srtp = cast(Session, SimpleNamespace(protect=real.protect))

    said = await _fall_back(given, caplog)

    assert f"pylibsrtp {pylibsrtp.__version__} has no SimpleNamespace._srtp" in said


@pytest.mark.parametrize("has_socket", [True, False])
async def test_a_packet_sent_again_without_rtx_is_the_same_to_the_last_bit(given: Given, has_socket: bool) -> None:
    sock = Socket()
    wire = given.use(Wire(sock if has_socket else None))
    clock = FakeClock()
    egress = Egress(given.dtls.send_rtp, write_many=given.dtls.send_many, loop=FakeLoop(clock).as_loop, clock=clock)
    config = StreamConfig(Codec.VP8, Mid("0"), Rid("q"), frozenset(EXTENSION_ID), False, 0, "cname")
    stream = RtpStream(config)
    group = stream.packetize(EncodedFrame(Codec.VP8, Rid("q"), bytes(range(250)) * 12, clock.monotonic_ns()))
    egress.send(group)
    lost = int.from_bytes(group.packets[1][2:4], "big")
    clock.advance(0.1)
    egress.send(stream.retransmit([lost], clock.monotonic_ns()))

    sent = sock.datagrams + wire.singles
    assert len(sent) == len(group) + 1
    assert sent[-1] == sent[1]


async def test_packets_from_a_loop_back_socket_arrive(given: Given) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        sender.setblocking(False)
        given.use(Wire(sender, receiver.getsockname()))
        assert given.dtls.send_many(packets(5)) == 5
        loop = asyncio.get_running_loop()
        datagrams = [await asyncio.wait_for(loop.sock_recv(receiver, 2000), 2) for _ in range(5)]
    assert given.plain(datagrams) == packets(5)
