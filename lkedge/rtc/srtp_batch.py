"""SRTP and UDP for a whole frame: protected in place, sent with one system call.

pylibsrtp copies each packet three times and the kernel takes each with a call of its own; both
cost more than everything else on the send path together. Here packets are protected where they
lie in one buffer, and the kernel cuts the buffer into datagrams (UDP_SEGMENT, Linux 4.18).
"""

from __future__ import annotations

import errno
import importlib
import logging
import socket
import struct
from typing import Any

import pylibsrtp
from pylibsrtp import Session

from lkedge.rtc.adapter import UnsuitableLibrary, require_attributes

logger = logging.getLogger(__name__)

TESTED_PYLIBSRTP = ">=1.0,<2"

UDP_SEGMENT = 103
"""linux/udp.h: the control message, or socket option, with the size of a segment."""

MAX_SEGMENTS = 48
"""The kernel takes 64, and 64 KiB: 48 of our largest packets with their tags stay below that."""

MAX_PACKET_BYTES = 1280

_TRAILER_BYTES = 144
"""What libsrtp may write behind a packet (SRTP_MAX_TRAILER_LEN)."""

_NO_SEGMENTATION = frozenset((errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EMSGSIZE))


class SrtpBatch:
    """Sends packets of one session to one address. Used on the event loop.

    refused: packets libsrtp did not take.
    can_segment: False once the kernel or the device refused; packets then go out one by one.
    """

    def __init__(self, session: Session, sock: socket.socket, address: tuple[str, int] | None = None) -> None:
        """
        Args:
            sock: non-blocking UDP socket. Not closed here; once it is closed nothing is taken.
            address: where to; None when the socket is connected.

        Raises:
            UnsuitableLibrary: another pylibsrtp than this was written for.
        """
        ffi, self._srtp_protect = _binding()
        require_attributes(session, ("_srtp",), "pylibsrtp", pylibsrtp.__version__, TESTED_PYLIBSRTP)
        self._session = session
        self._srtp: Any = session._srtp[0]
        size = MAX_SEGMENTS * (MAX_PACKET_BYTES + _TRAILER_BYTES)
        self._start: Any = ffi.new("unsigned char[]", size)
        self._length: Any = ffi.new("int *")
        self._buffer = memoryview(ffi.buffer(self._start))
        self._sock = sock
        self._address = (address,) if address is not None else ()
        self._has_failed = False
        self.refused = 0
        self.can_segment = True

    def write_many(self, packets: list[bytearray]) -> int:
        """Send RTP packets in order. Never raises.

        Returns:
            How many were taken, from the front: a full or broken socket refuses the rest.
        """
        done = 0
        while done < len(packets):
            batch = _batch(packets, done)
            ends = self._protect(batch)
            done += self._send(ends)
            if len(ends) < len(batch) or self._has_failed:
                break
        return done

    def _protect(self, batch: list[bytearray]) -> list[int]:
        """Protect packets one behind the other in the buffer, up to one that is refused; where each ends."""
        buffer, length, start, srtp, protect = self._buffer, self._length, self._start, self._srtp, self._srtp_protect
        ends: list[int] = []
        position = 0
        for packet in batch:
            size = len(packet)
            length[0] = size
            if size > MAX_PACKET_BYTES:
                break
            buffer[position : position + size] = packet
            if protect(srtp, start + position, length):
                break
            position += length[0]
            ends.append(position)
        self.refused += len(ends) < len(batch)
        return ends

    def _send(self, ends: list[int]) -> int:
        """Send what is in the buffer; the number of packets the socket took."""
        self._has_failed = False
        if len(ends) > 1 and self.can_segment and self._send_segments(ends):
            return len(ends)
        return 0 if self._has_failed else self._send_singly(ends)

    def _send_segments(self, ends: list[int]) -> bool:
        control = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", ends[0]))]
        try:
            self._sock.sendmsg((self._buffer[: ends[-1]],), control, 0, *self._address)
        except OSError as exc:
            self._note_failure(exc)
            return False
        return True

    def _note_failure(self, exc: OSError) -> None:
        if exc.errno in _NO_SEGMENTATION:
            logger.info("packets go out one by one: the network device does not cut them (%s)", exc)
            self.can_segment = False
            return
        logger.debug("the socket refused a frame: %s", exc)
        self._has_failed = True

    def _send_singly(self, ends: list[int]) -> int:
        position = 0
        for count, end in enumerate(ends):
            try:
                self._sock.sendmsg((self._buffer[position:end],), (), 0, *self._address)
            except OSError as exc:
                logger.debug("the socket refused a packet: %s", exc)
                self._has_failed = True
                return count
            position = end
        return len(ends)


def _binding() -> tuple[Any, Any]:
    """cffi's ffi of pylibsrtp, and srtp_protect(context, packet, length), which works in place (libsrtp 2)."""
    try:
        binding: Any = importlib.import_module("pylibsrtp._binding")
        arguments = len(binding.ffi.typeof(binding.lib.srtp_protect).args)
    except (ImportError, AttributeError, TypeError) as exc:
        raise _unsuitable(str(exc)) from exc
    if arguments != 3:
        raise _unsuitable(f"srtp_protect takes {arguments} arguments")
    return binding.ffi, binding.lib.srtp_protect


def _unsuitable(why: str) -> UnsuitableLibrary:
    return UnsuitableLibrary(
        f"pylibsrtp {pylibsrtp.__version__} is not as expected ({why}); install pylibsrtp {TESTED_PYLIBSRTP}"
    )


def _batch(packets: list[bytearray], start: int) -> list[bytearray]:
    """Packets that the kernel can cut from one buffer: of one size, the last may be smaller."""
    size = len(packets[start])
    stop = start + 1
    limit = min(len(packets), start + MAX_SEGMENTS)
    while stop < limit and len(packets[stop]) == size:
        stop += 1
    if stop < limit and len(packets[stop]) < size:
        stop += 1
    return packets[start:stop]
