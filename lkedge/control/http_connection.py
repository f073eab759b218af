"""One HTTP/1.1 connection: h11 says what the bytes mean, asyncio's streams carry them.

Every wait has a deadline, every size a limit. A request that is wrong is answered, then the
connection is closed, for nobody knows where the next request would begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11

from lkedge.control.events import Subscription
from lkedge.control.http_messages import (
    MALFORMED,
    REQUEST_TIMEOUT,
    TOO_LARGE,
    EventStream,
    HttpFault,
    Request,
    Response,
)
from lkedge.control.peer import Peer

logger = logging.getLogger(__name__)

READ_SIZE = 16_384
MAX_LINGER_BYTES = 1 << 20
MAX_BYTES_DURING_EVENTS = 65_536
KEEP_ALIVE = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take. Sizes in bytes, times in seconds.

    request_s: from the first byte of a request to its last. idle_s: without a request.
    send_s: for an answer, or a piece of the event stream, to be taken.
    linger_s: for what a refused client still sends.
    """

    head: int = 16_384
    body: int = 65_536
    request_s: float = 10.0
    idle_s: float = 60.0
    send_s: float = 10.0
    linger_s: float = 1.0
    keep_alive_s: float = 15.0


Respond = Callable[[Request], Awaitable[Response | EventStream]]


class HttpConnection:
    """Owned by one task, which calls `run`.

    peer: who is there; None over TCP. idle_since_s: loop time since when it has waited for a
    request; None while it handles one.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        respond: Respond,
        *,
        peer: Peer | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.peer = peer
        self.idle_since_s: float | None = asyncio.get_running_loop().time()
        self._reader = reader
        self._writer = writer
        self._respond = respond
        self._limits = limits or Limits()
        self._is_finishing = False
        self._subscription: Subscription | None = None
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head)
        # So that `drain` means: the kernel has taken everything.
        writer.transport.set_write_buffer_limits(high=0)

    async def run(self) -> None:
        """Serve until either side has enough."""
        try:
            while await self._exchange():
                self.idle_since_s = asyncio.get_running_loop().time()
            await self._close()
        except (ConnectionError, TimeoutError, h11.LocalProtocolError) as error:
            logger.debug("a connection ended: %s", error or "timeout")
        except Exception:
            logger.exception("a connection ended by a fault")
        finally:
            self.abort()

    def finish(self) -> None:
        """Begin nothing new: end the event stream, close when idle. A request that runs is still answered."""
        self._is_finishing = True
        if self._subscription is not None:
            self._subscription.close()
        elif self.idle_since_s is not None:
            self.abort()

    def abort(self) -> None:
        """Close at once; what is not sent yet is lost. Any number of times."""
        self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """One request and its answer. Returns whether another may follow."""
        try:
            request = await self._read_request()
        except HttpFault as fault:
            await self._send(fault.response(), is_last=True)
            await self._linger()
            return False
        if request is None:
            return False
        return await self._answer(request)

    async def _answer(self, request: Request) -> bool:
        answer = await self._respond(request)
        if isinstance(answer, EventStream):
            await self._send_events(answer)
            return False
        await self._send(answer, is_head=request.method == "HEAD")
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return not self._is_finishing

    async def _read_request(self) -> Request | None:
        """The next request; None when there is none any more. Raises HttpFault."""
        if not await self._has_begun():
            return None
        self.idle_since_s = None
        try:
            async with asyncio.timeout(self._limits.request_s):
                return await self._whole_request()
        except TimeoutError:
            text = f"the request was not complete within {self._limits.request_s:g} s"
            raise HttpFault(408, REQUEST_TIMEOUT, text) from None
        except h11.RemoteProtocolError as error:
            raise _protocol_fault(error) from error

    async def _has_begun(self) -> bool:
        """Wait for the first bytes of a request, unless they came along with the one before."""
        if self._http.trailing_data[0]:
            return True
        try:
            async with asyncio.timeout(self._limits.idle_s):
                data = await self._reader.read(READ_SIZE)
        except TimeoutError:
            return False
        self._http.receive_data(data)
        return bool(data)

    async def _whole_request(self) -> Request | None:
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            return None
        self._check_length(head)
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > self._limits.body:
                raise self._too_large()
        return self._request(head, bytes(body))

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            self._http.receive_data(await self._reader.read(READ_SIZE))
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    def _check_length(self, head: h11.Request) -> None:
        lengths = [int(value) for name, value in head.headers if name == b"content-length"]
        if lengths and lengths[0] > self._limits.body:
            raise self._too_large()

    def _too_large(self) -> HttpFault:
        return HttpFault(413, TOO_LARGE, f"the body is larger than {self._limits.body} bytes")

    def _request(self, head: h11.Request, body: bytes) -> Request:
        path, _, query = head.target.decode("ascii").partition("?")
        return Request(head.method.decode("ascii"), path, query, body, self.peer)

    async def _send(self, response: Response, *, is_head: bool = False, is_last: bool = False) -> None:
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            *response.headers,
            *([("Connection", "close")] if is_last else []),
        ]
        head = h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status))
        data = self._http.send(head) or b""
        if not is_head:
            data += self._http.send(h11.Data(data=response.body)) or b""
        # A HEAD has no body although its length is told: h11 knows.
        await self._write(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _send_events(self, stream: EventStream) -> None:
        """Events until the client goes, or does not read. No request may follow."""
        subscription = self._subscription = stream.subscription
        watch = asyncio.create_task(self._until_gone(), name="control.events.watch")
        watch.add_done_callback(lambda _: subscription.close())
        try:
            headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("Connection", "close")]
            await self._write(self._http.send(h11.Response(status_code=200, headers=headers, reason=b"OK")))
            await self._write(self._http.send(h11.Data(data=stream.first)))
            while not subscription.is_closed:
                event = await subscription.next(self._limits.keep_alive_s)
                await self._write(self._http.send(h11.Data(data=event.encoded() if event else KEEP_ALIVE)))
            await self._write(self._http.send(h11.EndOfMessage()))
        except TimeoutError:
            subscription.give_up()
            raise
        finally:
            subscription.close()
            watch.cancel()
            await asyncio.wait([watch])

    async def _until_gone(self) -> None:
        """Return when the client has closed, or sends what has no place here."""
        received = 0
        with contextlib.suppress(ConnectionError):
            while received < MAX_BYTES_DURING_EVENTS and (data := await self._reader.read(READ_SIZE)):
                received += len(data)

    async def _write(self, data: bytes | None) -> None:
        """Raises TimeoutError when the client does not take it."""
        self._writer.write(data or b"")
        async with asyncio.timeout(self._limits.send_s):
            await self._writer.drain()

    async def _linger(self) -> None:
        """Take what a refused client still sends, so that it finds the answer rather than a broken pipe."""
        received = 0
        with contextlib.suppress(TimeoutError, ConnectionError, OSError):
            self._writer.write_eof()
            async with asyncio.timeout(self._limits.linger_s):
                while received < MAX_LINGER_BYTES and (data := await self._reader.read(READ_SIZE)):
                    received += len(data)

    async def _close(self) -> None:
        self._writer.close()
        async with asyncio.timeout(self._limits.linger_s):
            await self._writer.wait_closed()


def _reason(status: int) -> bytes:
    """For people who look at the bytes; programs take the number."""
    return HTTPStatus(status).phrase.encode()


def _protocol_fault(error: h11.RemoteProtocolError) -> HttpFault:
    status = error.error_status_hint or 400
    code = TOO_LARGE if status in (413, 431) else MALFORMED
    text = "the header is too large" if status == 431 else f"this is no HTTP: {error}"
    return HttpFault(status, code, text[:500])
