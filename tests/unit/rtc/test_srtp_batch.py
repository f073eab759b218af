import errno
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from pylibsrtp import Policy, Session

from lkedge.rtc.srtp_batch import MAX_SEGMENTS, SrtpBatch
from lkedge.rtp.header import HeaderTemplate
from lkedge.terms import Ssrc

KEY = bytes(range(28))
TAG_BYTES = 16


def session(direction: int) -> Session:
    return Session(Policy(KEY, direction, 0, Policy.SRTP_PROFILE_AEAD_AES_128_GCM))


def packets(*sizes: int, first: int = 0) -> list[bytearray]:
    template = HeaderTemplate(96, Ssrc(5), {})
    return [template.packet(first + index, 0, bytes((index,)) * size, marker=False) for index, size in enumerate(sizes)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        sender.setblocking(False)
        yield sender, receiver


def received(receiver: socket.socket, count: int) -> list[bytes]:
    """Loopback delivers within the call that sends."""
    unprotect = session(Policy.SSRC_ANY_INBOUND).unprotect
    datagrams = [receiver.recv(2000) for _ in range(count)]
    with pytest.raises(BlockingIOError):
        receiver.recv(2000)
    return [unprotect(datagram) for datagram in datagrams]


class OldKernel:
    """Refuses UDP_SEGMENT; takes `room` datagrams."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.calls = 0
        self.sizes: list[int] = []

    def sendmsg(self, buffers: tuple[memoryview], control: Any, flags: int, *address: tuple[str, int]) -> int:
        self.calls += 1
        if control:
            raise OSError(errno.EIO, "no checksum offload")
        if len(self.sizes) == self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        self.sizes.append(len(buffers[0]))
        return len(buffers[0])


def batch(sock: object, address: tuple[str, int] | None = None) -> SrtpBatch:
    return SrtpBatch(session(Policy.SSRC_ANY_OUTBOUND), cast(socket.socket, sock), address)


@pytest.mark.parametrize("sizes", [(100,), (900, 900, 900, 200), (200, 900, 900), (1180,) * 60, (5, 6, 7, 7, 3)])
def test_every_packet_arrives_as_a_datagram_of_its_own(
    pair: tuple[socket.socket, socket.socket], sizes: tuple[int, ...]
) -> None:
    sender, receiver = pair
    sent = packets(*sizes)
    before = [bytes(packet) for packet in sent]

    assert batch(sender, receiver.getsockname()).write_many(sent) == len(sent)

    assert received(receiver, len(sent)) == before
    assert sent == before


def test_a_connected_socket_needs_no_address(pair: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = pair
    sender.connect(receiver.getsockname())

    assert batch(sender).write_many(packets(50, 50)) == 2
    assert len(received(receiver, 2)) == 2


def test_a_device_that_cannot_cut_gets_packets_one_by_one_from_then_on() -> None:
    kernel = OldKernel()
    tested = batch(kernel)

    assert tested.write_many(packets(100, 100, 40)) == 3
    assert tested.write_many(packets(100, 100, first=3)) == 2

    assert kernel.sizes == [12 + size + TAG_BYTES for size in (100, 100, 40, 100, 100)]
    assert (kernel.calls, tested.can_segment) == (6, False)


def test_a_full_socket_refuses_the_rest() -> None:
    kernel = OldKernel(room=2)

    assert batch(kernel).write_many(packets(100, 100, 100, 200, 200)) == 2


def test_a_broken_socket_takes_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        pass

    assert batch(closed, ("127.0.0.1", 9)).write_many(packets(100, 100)) == 0


def test_a_packet_that_srtp_refuses_ends_the_frame(pair: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = pair
    tested = batch(sender, receiver.getsockname())

    assert tested.write_many([*packets(100), bytearray(b"\x80no"), *packets(100, first=1)]) == 1
    assert tested.write_many([bytearray(5000)]) == 0
    assert tested.refused == 2


def test_a_long_frame_needs_few_calls() -> None:
    class Kernel(OldKernel):
        def sendmsg(self, buffers: tuple[memoryview], control: Any, flags: int, *address: tuple[str, int]) -> int:
            self.calls += 1
            return len(buffers[0])

    kernel = Kernel()

    assert batch(kernel).write_many(packets(*[1180] * (2 * MAX_SEGMENTS))) == 2 * MAX_SEGMENTS
    assert kernel.calls == 2
