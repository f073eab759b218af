"""The connection to the bus: dbus-fast's, with two mends.

- It reads messages of any size before anybody can refuse them.
- It ends the connection when a message is to be written while another one is half written,
  because the bus does not read as fast.

What this needs of dbus-fast beyond its documentation is here: the method `_authenticate`, after
which the connection carries messages, and the two places where it has its socket.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from dbus_fast import BusType
from dbus_fast.aio import MessageBus

from lkedge.control.dbus_filter import MessageFilter

READ_SIZE = 65_536


async def connect() -> MessageBus:
    """A connection to the system bus. The caller has a deadline. Raises what dbus-fast raises."""
    return await _BoundedBus(bus_type=BusType.SYSTEM).connect()


class FilteredSocket:
    """A connected socket from which no large messages come. In all else but `send` it is the socket itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._filter = MessageFilter()

    def recv(self, size: int) -> bytes:
        """As socket.recv(2) without blocking; more than `size`, if that is there.

        Raises:
            BlockingIOError: nothing to read, or nothing that passes; the loop calls again while more is there.
        """
        data = self._sock.recv(max(size, READ_SIZE))
        passed = self._filter.feed(data)
        if data and not passed:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return passed

    def send(self, data: bytes) -> int:
        """As socket.send(2) without blocking; 0 when nothing can be written now."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _BoundedBus(MessageBus):
    """Reads and writes through a FilteredSocket as soon as messages may come."""

    async def _authenticate(self) -> None:
        await super()._authenticate()
        assert self._sock is not None
        assert self._writer is not None
        sock: Any = FilteredSocket(self._sock)
        self._sock = self._writer.sock = sock
