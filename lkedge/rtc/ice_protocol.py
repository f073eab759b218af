"""One local end of an ICE path: a UDP socket of ours, or an allocation at a TURN server."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import aioice
from aioice import ice

from lkedge.rtc.send_target import SendTarget, send_target

logger = logging.getLogger(__name__)

SOCKET_BUFFER_BYTES = 512 * 1024


class IceProtocol(ice.StunProtocol):  # type: ignore[misc,unused-ignore]
    """aioice's, which lets struct.error and KeyError of malformed STUN escape. Owned by the event loop.

    sock: None for TURN. The transport closes it.
    """

    def __init__(self, receiver: aioice.Connection, sock: socket.socket | None = None) -> None:
        super().__init__(receiver)
        self.sock = sock

    def target(self, address: tuple[str, int]) -> SendTarget:
        """The way from here to `address`."""
        return send_target(self.transport, address, self.sock)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        try:
            super().datagram_received(data, addr)
        except Exception as exc:
            logger.debug("ignored a malformed datagram of %d bytes from %s: %r", len(data), addr, exc)


async def open_protocol(receiver: aioice.Connection, address: str) -> IceProtocol:
    """Open a socket on a free port of a local address.

    It is made here and not by asyncio, which keeps sendmsg to itself.

    Raises:
        OSError: the address is not ours.
    """
    sock = _bound_socket(address)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: IceProtocol(receiver, sock), sock=sock)
    return protocol


def _bound_socket(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        sock.bind((address, 0))
    except OSError:
        sock.close()
        raise
    return sock
