"""The signalling connection over WebSocket: connect, send, close; events come by callback.

v0 of the protocol (path /rtc), which every server speaks. What the messages mean is
decided by SignalProtocol; what a failed handshake means by refusal.py.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from lkedge import __version__
from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import JoinRefused, ServerLeave, SignalError, SignalLost
from lkedge.signaling import refusal
from lkedge.signaling.address import SignalAddress, join_query
from lkedge.signaling.channel import SignalChannel
from lkedge.signaling.events import Joined, Left, Resumed, SignalClosed, SignalEvent
from lkedge.signaling.http import HttpRequest, fetch
from lkedge.signaling.protocol import SignalProtocol
from lkedge.signaling.requests import Leave, ResumeFrom, SignalRequest

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 8 << 20
"""The join response of a very large room has a few MiB."""

CONNECT_TIMEOUT_S = 15.0
"""The server itself tries for up to 12 s to start a session before it answers."""

FIRST_MESSAGE_TIMEOUT_S = 5.0

DEVICE_MODEL = Path("/proc/device-tree/model")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try to connect."""

    address: SignalAddress
    query: Mapping[str, str]
    token: str
    protocol: SignalProtocol


class SignalClient:
    """Speaks with one server for one participant. Owned by the event loop.

    on_event: called on the loop, one event after another, from the moment `connect` has
        its answer. SignalClosed is the last one; it does not come after our own `close`.
    tls: for wss; None for the system's CAs.

    After `close` or SignalClosed the client may `connect` again.
    """

    def __init__(
        self,
        on_event: Callable[[SignalEvent], None],
        *,
        clock: Clock | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        first_message_timeout_s: float = FIRST_MESSAGE_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._on_event = on_event
        self._clock = clock or SystemClock()
        self._connect_timeout_s = connect_timeout_s
        self._first_message_timeout_s = first_message_timeout_s
        self._tls = tls
        self._channel: SignalChannel | None = None
        self.protocol = SignalProtocol(self._clock.monotonic_ns())
        """Who we are, the newest token, round trip and counters of the current or last connection."""

    @property
    def is_connected(self) -> bool:
        return self._channel is not None and self._channel.is_open

    async def connect(self, url: str, token: str, resume: ResumeFrom | None = None) -> Joined | Resumed:
        """Open the WebSocket and wait for the server's first word.

        url: of the server; ws, wss, http or https, with or without a path prefix.
        resume: the session to continue, from `Joined.resume_from()`.

        Raises:
            JoinRefused: the server says no, or the address is none.
            SignalLost: no server, no answer in time, or nonsense.
            ServerLeave: the first message was a leave; a resume came too late.
        """
        if self.is_connected:
            raise SignalError("the signalling connection is already open; close it first")
        attempt = self._prepare(url, token, resume)
        self.protocol = attempt.protocol
        connection = await self._open(attempt)
        try:
            first = await self._first_message(connection, attempt)
        except BaseException:
            connection.transport.abort()
            raise
        self._start(connection)
        return first

    def send(self, request: SignalRequest) -> None:
        """Queue a request.

        Raises:
            SignalLost: there is no connection; nothing was sent.
        """
        if self._channel is None or not self._channel.is_open:
            raise SignalLost(f"{type(request).__name__} was not sent: there is no signalling connection")
        self._channel.send(self.protocol.encode(request))

    async def close(self, leave: bool = True) -> None:
        """Hang up; at most about two seconds. Harmless when not connected.

        leave: tell the server that we leave for good, so that others see it at once.
            Without it the participant stays for a while and can be resumed.
        """
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(last=self.protocol.encode(Leave()) if leave else None)

    def _prepare(self, url: str, token: str, resume: ResumeFrom | None) -> _Attempt:
        protocol = SignalProtocol(self._clock.monotonic_ns(), resume)
        return _Attempt(SignalAddress.parse(url), join_query(_client_info(), resume), token, protocol)

    async def _open(self, attempt: _Attempt) -> ClientConnection:
        address = attempt.address
        try:
            return await _Connect(
                address.websocket_url(attempt.query),
                additional_headers=_authorization(attempt.token),
                user_agent_header=f"lkedge/{__version__}",
                open_timeout=self._connect_timeout_s,
                close_timeout=1,
                ping_interval=None,
                max_size=MAX_MESSAGE_BYTES,
                compression=None,
                proxy=None if address.is_loopback else True,
                **self._tls_options(address),
            )
        except InvalidStatus as exc:
            raise await self._refused(exc, attempt) from exc
        except (OSError, EOFError, WebSocketException) as exc:
            raise refusal.connect_error(exc, address, self._connect_timeout_s) from exc

    def _tls_options(self, address: SignalAddress) -> dict[str, Any]:
        return {"ssl": self._tls} if self._tls is not None and address.is_secure else {}

    async def _refused(self, error: InvalidStatus, attempt: _Attempt) -> JoinRefused:
        said = refusal.quoted_text(error) or await self._ask_why(attempt)
        now_s = self._clock.wall_ns() / SECOND_NS
        return refusal.join_refused(error.response.status_code, said, attempt.token, attempt.address, now_s)

    async def _ask_why(self, attempt: _Attempt) -> str:
        """/rtc/validate takes the same query and answers in words."""
        url = attempt.address.validate_url(attempt.query)
        try:
            response = await fetch(HttpRequest(url, headers=_authorization(attempt.token)))
        except SignalLost:
            return ""
        return refusal.plain_text(response.content_type, response.text) if response.status >= 400 else ""

    async def _first_message(self, connection: ClientConnection, attempt: _Attempt) -> Joined | Resumed:
        name = attempt.address.name
        try:
            async with asyncio.timeout(self._first_message_timeout_s):
                return await self._read_first(connection, attempt.protocol)
        except TimeoutError:
            raise SignalLost(
                f"{name} took the connection but no join response came in "
                f"{self._first_message_timeout_s:g} s: is it a LiveKit server?"
            ) from None
        except ConnectionClosed as exc:
            raise SignalLost(f"{name} hung up before the join response: {exc}") from exc

    async def _read_first(self, connection: ClientConnection, protocol: SignalProtocol) -> Joined | Resumed:
        while True:
            message = await connection.recv()
            for event in protocol.receive(message, self._clock.monotonic_ns()):
                if isinstance(event, Joined | Resumed):
                    return event
                if isinstance(event, Left):
                    raise ServerLeave(event.action.value, event.reason)

    def _start(self, connection: ClientConnection) -> None:
        self._channel = SignalChannel(
            connection, self.protocol, clock=self._clock, on_event=self._on_event, on_closed=self._on_closed
        )
        self._channel.start()

    def _on_closed(self, reason: str) -> None:
        self._on_event(SignalClosed(reason))


class _Connect(connect):
    """Follows no redirect: it would carry the token to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _client_info() -> dict[str, str]:
    """What the server's operator sees of this client."""
    info = {
        "version": __version__,
        "os": platform.system().lower(),
        "os_version": platform.release(),
        "device_model": _device_model(),
    }
    return {key: value for key, value in info.items() if value}


def _device_model() -> str:
    """The board's name from the device tree; empty on a PC."""
    try:
        return DEVICE_MODEL.read_text("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""
