"""The worker's end of the link. It blocks for a bounded time when the daemon is slow, then gives up whole frames."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Sequence

from lkedge.errors import WorkerError
from lkedge.media.frame import EncodedFrame
from lkedge.worker import framing, messages
from lkedge.worker.framing import MessageBuffer
from lkedge.worker.messages import Command, Report

SEND_WAIT_S = 0.1
"""How long a frame may wait for the daemon: longer than any pause of its loop that is still healthy."""

MAX_PENDING_BYTES = 256 * 1024


class LinkClosed(WorkerError):
    """The other end has gone."""


class WorkerLink:
    """Sending is thread-safe; receiving belongs to one thread."""

    def __init__(self, sock: socket.socket, send_wait_s: float = SEND_WAIT_S) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._send_wait_ms = round(send_wait_s * 1000)
        self._lock = threading.Lock()
        self._pending = b""
        self._buffer = MessageBuffer(4096)
        self.dropped = 0
        """Frames given up because the daemon did not read."""

    def send_frames(self, frames: Sequence[EncodedFrame], *, may_wait: bool = True) -> bool:
        """Send them in one go. False: the daemon is stalled, and all of them are lost.

        Raises:
            LinkClosed: the daemon has gone.
        """
        is_sent = self._send_whole(b"".join(map(framing.frame_message, frames)), may_wait)
        self.dropped += 0 if is_sent else len(frames)
        return is_sent

    def send_snapshot(self, request: int, jpeg: bytes) -> bool:
        """Send a picture, at most MAX_SNAPSHOT_BYTES. False and raises as `send_frames`."""
        return self._send_whole(framing.snapshot_message(request, jpeg), may_wait=True)

    def send(self, message: Report) -> None:
        """Send or queue a report; a stalled daemon loses the newest ones. Raises LinkClosed."""
        data = framing.control_message(messages.encode(message))
        with self._lock:
            if len(self._pending) + len(data) <= MAX_PENDING_BYTES or not self._pending:
                self._pending += data
            self._flush(may_wait=False)

    def receive(self, timeout_s: float) -> list[Command]:
        """The commands that came within `timeout_s`; perhaps none.

        Raises:
            LinkClosed: the daemon has gone, or sent what is no command.
        """
        if not self._poll(select.POLLIN, round(timeout_s * 1000)):
            return []
        count = self._receive()
        if not count:
            raise LinkClosed("the daemon has gone")
        self._buffer.commit(count)
        try:
            return [messages.decode_command(bytes(body)) for _, body in self._buffer.messages()]
        except ValueError as error:
            raise LinkClosed(f"the daemon sent nonsense: {error}") from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _send_whole(self, data: bytes, may_wait: bool) -> bool:
        """All of it, now or as soon as the daemon reads on; nothing of it behind what is still stuck."""
        with self._lock:
            if not self._flush(may_wait):
                return False
            self._pending = data
            self._flush(may_wait)
            return True

    def _receive(self) -> int:
        try:
            return self._sock.recv_into(self._buffer.space())
        except OSError as error:
            raise LinkClosed(f"the daemon has gone: {error}") from error

    def _flush(self, may_wait: bool) -> bool:
        """Send what is pending; whether all of it went."""
        while self._pending:
            sent = self._try_send()
            self._pending = self._pending[sent:]
            if not sent and not (may_wait and self._poll(select.POLLOUT, self._send_wait_ms)):
                return False
        return True

    def _try_send(self) -> int:
        try:
            return self._sock.send(self._pending, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LinkClosed(f"the daemon has gone: {error}") from error

    def _poll(self, events: int, timeout_ms: int) -> bool:
        descriptor = self._sock.fileno()
        if descriptor < 0:
            raise LinkClosed("the link is closed")
        poller = select.poll()
        poller.register(descriptor, events)
        return bool(poller.poll(timeout_ms))
