"""The daemon's end of the link to a worker: one connected stream socket on the event loop.

It never blocks and believes nothing of what comes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from lkedge.media.frame import EncodedFrame
from lkedge.worker import framing, messages
from lkedge.worker.events import SnapshotTaken
from lkedge.worker.framing import MessageBuffer
from lkedge.worker.messages import Command, Report

RECEIVE_BUDGET = 4
"""Receives per wake-up of the loop; what is left is taken at the next one."""


class DaemonLink:
    """Belongs to the loop.

    on_frame, on_report: called for each message, in order. on_closed: called once, with the
    reason, when the worker has gone, sends nonsense, or does not read its commands; not
    after `close`.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        on_frame: Callable[[EncodedFrame], None],
        on_report: Callable[[Report | SnapshotTaken], None],
        on_closed: Callable[[str], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = loop
        self._on_frame = on_frame
        self._on_report = on_report
        self._on_closed = on_closed
        self._buffer = MessageBuffer()
        self._is_open = True
        loop.add_reader(sock, self._readable)

    def send(self, command: Command) -> None:
        """Commands are small; a worker that leaves so many unread that one does not fit is dead."""
        if not self._is_open:
            return
        data = framing.control_message(messages.encode(command))
        try:
            is_sent = self._sock.send(data, socket.MSG_NOSIGNAL) == len(data)
        except OSError:
            is_sent = False
        if not is_sent:
            self._loop.call_soon(self._fail, "the worker does not take commands")

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _readable(self) -> None:
        for _ in range(RECEIVE_BUDGET):
            if not self._is_open or not self._receive_once():
                return

    def _receive_once(self) -> bool:
        """One receive; whether there may be more to read at once."""
        space = self._buffer.space()
        try:
            count = self._sock.recv_into(space)
        except BlockingIOError:
            return False
        except OSError as error:
            self._fail(f"the worker has gone: {error}")
            return False
        if not count:
            self._fail("the worker has gone")
            return False
        self._buffer.commit(count)
        self._dispatch()
        return count == len(space)

    def _dispatch(self) -> None:
        received: list[EncodedFrame | SnapshotTaken | Report] = []
        problem = ""
        try:
            received.extend(_parse(kind, body) for kind, body in self._buffer.messages())
        except ValueError as error:
            problem = f"the worker sent nonsense: {error}"
        for item in received:
            self._deliver(item)
        if problem:
            self._fail(problem)

    def _deliver(self, item: EncodedFrame | SnapshotTaken | Report) -> None:
        if not self._is_open:
            return
        if isinstance(item, EncodedFrame):
            self._on_frame(item)
        else:
            self._on_report(item)

    def _fail(self, reason: str) -> None:
        if self._is_open:
            self.close()
            self._on_closed(reason)


def _parse(kind: int, body: memoryview) -> EncodedFrame | SnapshotTaken | Report:
    match kind:
        case framing.FRAME:
            return framing.parse_frame(body)
        case framing.SNAPSHOT:
            return SnapshotTaken(*framing.parse_snapshot(body))
    return messages.decode_report(bytes(body))
