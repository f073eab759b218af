from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Codec, Rid
from lkedge.worker import framing, messages
from lkedge.worker.events import SourceFinished
from lkedge.worker.messages import RequestKeyFrame, Stop
from lkedge.worker.worker_link import LinkClosed, WorkerLink

BIG = EncodedFrame(Codec.VP8, Rid("f"), bytes(100_000), 1)


@pytest.fixture
def pair() -> Iterator[tuple[WorkerLink, socket.socket]]:
    ours, theirs = socket.socketpair()
    link = WorkerLink(ours, send_wait_s=0.005)
    yield link, theirs
    link.close()
    theirs.close()


def received(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    data = b""
    try:
        while part := sock.recv(1 << 20):
            data += part
    except BlockingIOError:
        pass
    return data


def test_commands_are_received_in_order(pair: tuple[WorkerLink, socket.socket]) -> None:
    link, daemon = pair
    for command in (RequestKeyFrame(Rid("q")), Stop()):
        daemon.sendall(framing.control_message(messages.encode(command)))
    assert link.receive(1) == [RequestKeyFrame(Rid("q")), Stop()]
    assert link.receive(0) == []


def test_stalled_daemon_costs_whole_frames_only(pair: tuple[WorkerLink, socket.socket]) -> None:
    link, daemon = pair
    sent = [link.send_frames([BIG]) for _ in range(10)]
    assert sent[0]
    assert not sent[-1]
    assert link.dropped == sent.count(False)
    data = received(daemon)
    while not link.send_frames([EncodedFrame(Codec.VP8, Rid("q"), b"end", 2)]):
        data += received(daemon)
    data += received(daemon)
    size = len(framing.frame_message(BIG))
    whole, rest = divmod(len(data), size)
    assert whole == sent.count(True)
    assert data[-rest:].endswith(b"end")


def test_reports_wait_behind_a_frame_that_went_half(pair: tuple[WorkerLink, socket.socket]) -> None:
    link, daemon = pair
    while link.send_frames([BIG]):
        pass
    link.send(SourceFinished())
    data = received(daemon)
    link.send(SourceFinished())
    data += received(daemon)
    assert data.count(messages.encode(SourceFinished())) == 2


def test_gone_daemon_is_noticed_on_both_ways(pair: tuple[WorkerLink, socket.socket]) -> None:
    link, daemon = pair
    daemon.close()
    with pytest.raises(LinkClosed):
        link.receive(1)
    with pytest.raises(LinkClosed):
        link.send_frames([BIG])


def test_nonsense_from_the_daemon_ends_the_link(pair: tuple[WorkerLink, socket.socket]) -> None:
    link, daemon = pair
    daemon.sendall(framing.control_message(b"hello"))
    with pytest.raises(LinkClosed, match="nonsense"):
        link.receive(1)
