"""The HTTP spelling of control: listens on the Unix socket, and for metrics on an opt-in TCP port.

    control = HttpControl(Handler(target), config.control)
    await control.start(sockets)    # answers from now on
    ...
    await control.stop()

Owned by the daemon's loop. A socket that cannot be had is a line in the log, never an error.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lkedge.clock import Clock, SystemClock
from lkedge.config.models import ControlConfig
from lkedge.control.api import Access
from lkedge.control.handler import Handler
from lkedge.control.http_listener import BACKLOG, BoundSocket, bind
from lkedge.control.http_overflow import Overflow
from lkedge.control.peer import Peer, Rights, peer_of

if TYPE_CHECKING:
    from lkedge.control.http_connection import HttpConnection, Limits, Respond
    from lkedge.control.http_site import Site

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
MAX_GUESTS = 16
"""Of those, for callers who may only read: they cannot lock out who may change."""

MAX_METRICS_CONNECTIONS = 8
EVICTABLE_AFTER_S = 1.0
"""A connection that has waited so long for a request makes room for another one."""

STOP_DEADLINE_S = 2.0

PRELOAD_AFTER_S = 5.0
"""By then the daemon has started, and has the time to get ready for a first caller."""

LOOPBACK = "127.0.0.1"

# From 3.13 on, asyncio removes the file of any socket that it is given; ours may belong to systemd.
_KEEPS_FILE: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


class HttpControl:
    """Serves HTTP from `start` to `stop`. Owned by one event loop.

    addresses: where it listens, for people; none before `start`, or when nothing could be had.
    """

    def __init__(
        self, handler: Handler, settings: ControlConfig, *, clock: Clock | None = None, limits: Limits | None = None
    ) -> None:
        self.addresses: tuple[str, ...] = ()
        self._settings = settings
        self._rights = Rights(settings)
        self._handler = handler
        self._clock = clock or SystemClock()
        self._limits = limits
        self._local = _Clients(MAX_CONNECTIONS)
        self._remote = _Clients(MAX_METRICS_CONNECTIONS)
        self._overflow = Overflow()
        self._servers: list[asyncio.Server] = []
        self._bound: BoundSocket | None = None
        self._preloading: asyncio.TimerHandle | None = None

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Begin to answer.

        sockets: Unix sockets that listen already, from socket activation; they are closed by
            `stop`, but stay in the file system. Without any, `settings.socket` is bound here.
        """
        for listener in sockets or self._own_socket():
            await self._serve_unix(listener)
        if self._settings.metrics_port:
            await self._serve_metrics(self._settings.metrics_port)
        for address in self.addresses:
            logger.info("control listens on %s", address)
        if self.addresses:
            self._preloading = asyncio.get_running_loop().call_later(PRELOAD_AFTER_S, _start_preloading)

    @property
    def problem(self) -> str:
        """That callers are no longer accepted although nobody said `stop`; else ""."""
        is_serving = all(server.is_serving() for server in self._servers)
        return "" if is_serving else "it accepts no callers any more"

    async def stop(self) -> None:
        """Accept no more, end event streams, let requests end, then close everything; within 2 s."""
        if self._preloading is not None:
            self._preloading.cancel()
        for server in self._servers:
            server.close()
        if self._bound is not None:
            self._bound.unlink()
        self._overflow.stop()
        await asyncio.gather(self._local.stop(), self._remote.stop())
        self._servers, self._bound, self.addresses = [], None, ()

    @cached_property
    def _site(self) -> Site:
        # Imported late, as h11 is: the daemon starts sooner.
        from lkedge.control.http_site import Site

        site = Site(self._handler, self._rights, self._clock)
        site.connections = lambda: len(self._local.open) + len(self._remote.open)
        return site

    def _own_socket(self) -> tuple[socket.socket, ...]:
        path = self._settings.socket
        if path is None:
            return ()
        self._bound = bind(path, group=self._rights.group, is_for_everyone=self._settings.is_open_to_read)
        return (self._bound.socket,) if self._bound else ()

    async def _serve_unix(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        server = await asyncio.start_unix_server(self._accept, sock=listener, backlog=BACKLOG, **_KEEPS_FILE)
        self._servers.append(server)
        self.addresses += (str(listener.getsockname()),)

    async def _serve_metrics(self, port: int) -> None:
        try:
            server = await asyncio.start_server(self._accept_metrics, LOOPBACK, port, backlog=BACKLOG)
        except OSError as error:
            logger.warning("no metrics on %s:%d: %s", LOOPBACK, port, error.strerror or error)
            return
        self._servers.append(server)
        self.addresses += (f"http://{LOOPBACK}:{port}/metrics",)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = peer_of(writer.get_extra_info("socket"))
        except OSError as error:
            logger.debug("a caller cannot be told: %s", error)
            writer.transport.abort()
            return
        is_guest = not self._rights.permits(peer, Access.CHANGE)
        if is_guest and self._local.count(lambda known: not self._rights.permits(known, Access.CHANGE)) >= MAX_GUESTS:
            self._overflow.turn_away(writer)
            return
        self._take(self._local, reader, writer, self._site.respond, peer)

    def _accept_metrics(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._take(self._remote, reader, writer, self._site.respond_metrics, None)

    def _take(
        self,
        clients: _Clients,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        respond: Respond,
        peer: Peer | None,
    ) -> None:
        from lkedge.control.http_connection import HttpConnection

        if not clients.has_room(asyncio.get_running_loop().time()):
            self._overflow.turn_away(writer)
            return
        clients.run(HttpConnection(reader, writer, respond, peer=peer, limits=self._limits))


def _start_preloading() -> None:
    threading.Thread(target=_preload, name="control.preload", daemon=True).start()


def _preload() -> None:
    """In a thread, so that the first caller does not hold up the loop, and with it what is sent, for 30 ms."""
    from lkedge.control import http_connection, http_site

    logger.debug("%s and %s are loaded", http_connection.__name__, http_site.__name__)


@dataclass(slots=True)
class _Clients:
    """The open connections of one listener, each with the task that owns it."""

    limit: int
    open: dict[HttpConnection, asyncio.Task[None]] = field(default_factory=dict)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    def has_room(self, now_s: float) -> bool:
        """Whether one more may come; the one that has been idle for longest goes for it."""
        if len(self.open) < self.limit:
            return True
        idle = [known for known in self.open if known.idle_since_s is not None]
        oldest = min(idle, key=lambda known: known.idle_since_s or 0.0, default=None)
        if oldest is None or now_s - (oldest.idle_since_s or 0.0) < EVICTABLE_AFTER_S:
            return False
        oldest.abort()
        self._ending.add(self.open.pop(oldest))
        return True

    def run(self, connection: HttpConnection) -> None:
        task = asyncio.create_task(connection.run(), name="control.http")
        self.open[connection] = task
        task.add_done_callback(lambda done: self._forget(connection, done))

    def count(self, holds: Callable[[Peer], bool]) -> int:
        return sum(1 for known in self.open if known.peer is not None and holds(known.peer))

    async def stop(self) -> None:
        for connection in tuple(self.open):
            connection.finish()
        tasks = {*self.open.values(), *self._ending}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=STOP_DEADLINE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _forget(self, connection: HttpConnection, task: asyncio.Task[None]) -> None:
        self.open.pop(connection, None)
        self._ending.discard(task)
