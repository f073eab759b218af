from __future__ import annotations

import asyncio
import random
import socket

import pytest

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Codec, Rid
from lkedge.worker import framing, messages
from lkedge.worker.daemon_link import DaemonLink
from lkedge.worker.events import SourceFinished
from lkedge.worker.messages import Report, Stop


class Daemon:
    """A daemon's end with everything that came out of it."""

    def __init__(self) -> None:
        ours, self.worker = socket.socketpair()
        self.frames: list[EncodedFrame] = []
        self.reports: list[Report] = []
        self.closed: list[str] = []
        self.link = DaemonLink(
            ours,
            asyncio.get_running_loop(),
            on_frame=self.frames.append,
            on_report=self.reports.append,
            on_closed=self.closed.append,
        )

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def close(self) -> None:
        self.link.close()
        self.worker.close()


async def test_frames_and_reports_come_in_order() -> None:
    daemon = Daemon()
    frame = EncodedFrame(Codec.VP8, Rid("q"), b"data", 1)
    daemon.worker.sendall(framing.frame_message(frame) + framing.control_message(messages.encode(SourceFinished())))
    await daemon.settle()
    assert daemon.frames == [frame]
    assert daemon.reports == [SourceFinished()]
    daemon.close()


async def test_what_came_before_the_end_is_delivered() -> None:
    daemon = Daemon()
    daemon.worker.sendall(framing.control_message(messages.encode(SourceFinished())))
    daemon.worker.close()
    await daemon.settle()
    assert daemon.reports == [SourceFinished()]
    assert daemon.closed == ["the worker has gone"]


@pytest.mark.parametrize("seed", range(20))
async def test_garbage_never_raises_and_at_most_closes(seed: int) -> None:
    daemon = Daemon()
    generator = random.Random(seed)
    valid = framing.control_message(messages.encode(SourceFinished()))
    daemon.worker.sendall(valid + generator.randbytes(generator.randrange(1, 5000)))
    await daemon.settle()
    assert daemon.reports == [SourceFinished()]
    assert len(daemon.closed) <= 1
    daemon.close()


async def test_well_framed_nonsense_closes() -> None:
    daemon = Daemon()
    daemon.worker.sendall(framing.control_message(b'["Stop",{}]'))
    await daemon.settle()
    assert "nonsense" in daemon.closed[0]
    daemon.close()


async def test_nothing_is_delivered_after_close() -> None:
    daemon = Daemon()
    daemon.worker.sendall(framing.control_message(messages.encode(SourceFinished())))
    daemon.link.close()
    await daemon.settle()
    assert daemon.reports == []
    assert daemon.closed == []
    daemon.close()


async def test_worker_that_does_not_read_is_given_up() -> None:
    daemon = Daemon()
    for _ in range(100_000):
        daemon.link.send(Stop())
        await asyncio.sleep(0)
        if daemon.closed:
            break
    assert daemon.closed == ["the worker does not take commands"]
    daemon.close()
