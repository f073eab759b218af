# lkedge: pure
"""Cuts large messages out of what a bus sends, before anybody spends time on reading them.

A bus lets messages of 32 MiB through (dbus-daemon(1), max_message_size), and every local user may
send one. Only the lengths at the beginning of each are looked at: D-Bus Specification, "Message Format".
"""

from __future__ import annotations

import struct
import sys

MAX_MESSAGE_BYTES = 65_536
"""With its header; as much as the body of an HTTP request."""

CUT = 0x80
"""Flag of a method call whose arguments were cut out. The specification gives it no meaning,
so a caller may set it too, and gets the same answer."""

_FIXED = 16
_METHOD_CALL = 1
_LENGTHS = {ord("l"): struct.Struct("<I4xI"), ord("B"): struct.Struct(">I4xI")}
"""Of the body and of the header's fields, from the fifth byte on; by byte order."""


class MessageFilter:
    """For one connection, after its authentication. Keeps no more than the header of one message.

    A method call that is too large passes without its arguments, marked as CUT, so that it can
    be answered. Anything else that is too large, if only in its header, is dropped.
    cut: how many were too large.
    """

    def __init__(self, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self.cut = 0
        self._max_bytes = max_bytes
        self._head = bytearray()
        self._wanted = _FIXED
        self._passing = 0
        self._skipping = 0

    def feed(self, data: bytes) -> bytes:
        """The next bytes of the connection; returns what of them is to be read on."""
        passed = bytearray()
        rest = memoryview(data)
        while rest:
            rest = rest[self._take(rest, passed) :]
        return bytes(passed)

    def _take(self, rest: memoryview, passed: bytearray) -> int:
        """Some of the rest; returns how much."""
        if self._passing:
            count = min(self._passing, len(rest))
            self._passing -= count
            passed += rest[:count]
        elif self._skipping:
            count = min(self._skipping, len(rest))
            self._skipping -= count
        else:
            count = min(self._wanted - len(self._head), len(rest))
            self._head += rest[:count]
            if len(self._head) == self._wanted:
                passed += self._judged()
        return count

    def _judged(self) -> bytes:
        """What passes of the part of a header that was waited for."""
        if self._head[0] not in _LENGTHS:
            # No message at all: whoever reads it says so.
            self._passing = sys.maxsize
            return self._taken()
        head, body = _sizes(self._head)
        if self._wanted > _FIXED:
            return self._without_arguments(body)
        if head + body <= self._max_bytes:
            self._passing = head + body - _FIXED
            return self._taken()
        self._refuse(head, body)
        return b""

    def _refuse(self, head: int, body: int) -> None:
        self.cut += 1
        if self._head[1] == _METHOD_CALL and _FIXED < head <= self._max_bytes:
            self._wanted = head
            return
        self._skipping = head + body - _FIXED
        self._taken()

    def _without_arguments(self, body: int) -> bytes:
        self._wanted, self._skipping = _FIXED, body
        self._head[2] |= CUT
        self._head[4:8] = bytes(4)
        return self._taken()

    def _taken(self) -> bytes:
        head, self._head = bytes(self._head), bytearray()
        return head


def _sizes(head: bytearray) -> tuple[int, int]:
    """Bytes of the header, padded, and of the body."""
    body, fields = _LENGTHS[head[0]].unpack_from(head, 4)
    return _FIXED + fields + -fields % 8, body
