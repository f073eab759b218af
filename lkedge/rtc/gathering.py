"""Candidates that take time: STUN and TURN servers, asked while the offer is under way."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable

from lkedge.rtc.ice_connection import IceConnection
from lkedge.rtc.ice_servers import ServerList, StunServer, TurnServer

logger = logging.getLogger(__name__)

MAX_STUN_SERVERS = 2
"""More servers only tell the same address again."""


class LateGathering:
    """Asks all servers at once; each has `timeout_s`. Owned by the event loop.

    Found candidates are held back until `release`, since the peer must know our offer
    first; then `on_line` is called for each, and once with None at the end.
    """

    def __init__(
        self,
        connection: IceConnection,
        servers: ServerList,
        timeout_s: float,
        *,
        on_line: Callable[[str | None], None],
        on_done: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._stun = servers.stun[:MAX_STUN_SERVERS] if connection.has_hosts else ()
        self._turn = servers.turn
        self._timeout_s = timeout_s
        self._on_line = on_line
        self._on_done = on_done
        self._held: list[str | None] | None = []
        self._task: asyncio.Task[None] | None = None
        self.is_done = not (self._stun or self._turn)

    def start(self) -> None:
        """Begin; does nothing when there is nobody to ask."""
        if not self.is_done:
            self._task = asyncio.create_task(self._run(), name="ice-gathering")

    def release(self) -> None:
        """The peer knows our offer: hand over what was found, and from now on at once."""
        held, self._held = self._held or [], None
        for line in held:
            self._on_line(line)

    def stop(self) -> None:
        """No more candidates are needed: give up what is under way, and say so."""
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """Give up without another callback."""
        self._on_line = lambda line: None
        self._on_done = lambda: None
        self.stop()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for stun in self._stun:
                    group.create_task(self._ask(stun), name=f"stun-{stun.host}")
                for turn in self._turn:
                    group.create_task(self._ask(turn), name=f"turn-{turn.host}")
        finally:
            self.is_done = True
            self._found(None)
            self._on_done()

    async def _ask(self, server: StunServer | TurnServer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                lines = await (self._stun_lines(server) if isinstance(server, StunServer) else self._turn_lines(server))
        except TimeoutError:
            logger.info("no answer from %s within %g s; it is not used", server, self._timeout_s)
        except Exception as exc:
            logger.info("%s is not used: %s", server, exc or type(exc).__name__)
        else:
            for line in lines:
                self._found(line)

    async def _stun_lines(self, server: StunServer) -> list[str]:
        address = await resolve(server.host, socket.AF_INET)
        return await self._connection.query_server_reflexive(StunServer(address, server.port))

    async def _turn_lines(self, server: TurnServer) -> list[str]:
        await resolve(server.host, socket.AF_UNSPEC)
        line = await self._connection.add_relay(server)
        return [] if line is None else [line]

    def _found(self, line: str | None) -> None:
        if self._held is None:
            self._on_line(line)
        else:
            self._held.append(line)


async def resolve(host: str, family: socket.AddressFamily) -> str:
    """The first address of `host`.

    On a daemon thread of its own: a resolver without network may take half a minute,
    and asyncio's executor would make the end of the program wait for it.

    Raises:
        OSError: there is no such host.
    """
    if _is_address(host):
        return host
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def report(address: str | None, error: OSError | None) -> None:
        if future.done():
            return
        if address is not None:
            future.set_result(address)
        else:
            future.set_exception(error or OSError(f"{host} has no address"))

    def work() -> None:
        address, error = None, None
        try:
            address = str(socket.getaddrinfo(host, None, family, socket.SOCK_DGRAM)[0][4][0])
        except OSError as exc:
            error = exc
        if not loop.is_closed():
            loop.call_soon_threadsafe(report, address, error)

    threading.Thread(target=work, name=f"resolve-{host}", daemon=True).start()
    return await future


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
