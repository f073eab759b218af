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

_IPPROTO_UDP = int(socket.IPPROTO_UDP)
_SEGMENT_BYTES = struct.Struct("=H")
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
        """Send RTP packets in order; they stay as they are. Never raises.

        Returns:
            How many were taken, from the front: a full or broken socket refuses the rest.
        """
        done = 0
        self._has_failed = False
        while done < len(packets) and not self._has_failed:
            done += self._send(self._protect(packets, done))
        return done

    def _protect(self, packets: list[bytearray], first: int) -> list[int]:
        """Protect packets one behind the other in the buffer; where each ends.

        Stops at one that is refused, and where the kernel could not cut: all segments are of
        one size, but the last may be smaller.
        """
        buffer, length, start, srtp, protect = self._buffer, self._length, self._start, self._srtp, self._srtp_protect
        ends: list[int] = []
        position, limit = 0, len(packets[first])
        for packet in packets[first : first + MAX_SEGMENTS]:
            size = len(packet)
            if size != limit:
                if size > limit:
                    break
                limit = 0
            if size > MAX_PACKET_BYTES:
                self._refuse()
                break
            length[0] = size
            buffer[position : position + size] = packet
            if protect(srtp, start + position, length):
                self._refuse()
                break
            position += length[0]
            ends.append(position)
        return ends

    def _refuse(self) -> None:
        self.refused += 1
        self._has_failed = True

    def _send(self, ends: list[int]) -> int:
        """Send what is in the buffer; the number of packets the socket took."""
        if len(ends) > 1 and self.can_segment:
            try:
                return self._send_segments(ends)
            except OSError as exc:
                if exc.errno not in _NO_SEGMENTATION:
                    return self._give_up(exc, 0)
                logger.info("packets go out one by one: the network device does not cut them (%s)", exc)
                self.can_segment = False
        return self._send_singly(ends)

    def _send_segments(self, ends: list[int]) -> int:
        control = ((_IPPROTO_UDP, UDP_SEGMENT, _SEGMENT_BYTES.pack(ends[0])),)
        self._sock.sendmsg((self._buffer[: ends[-1]],), control, 0, *self._address)
        return len(ends)

    def _send_singly(self, ends: list[int]) -> int:
        position = 0
        for count, end in enumerate(ends):
            try:
                self._sock.sendmsg((self._buffer[position:end],), (), 0, *self._address)
            except OSError as exc:
                return self._give_up(exc, count)
            position = end
        return len(ends)

    def _give_up(self, exc: OSError, count: int) -> int:
        logger.debug("the socket refused a packet: %s", exc)
        self._has_failed = True
        return count


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
