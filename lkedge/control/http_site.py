"""What HTTP answers to whom: rights, commands, events, metrics, the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable

from lkedge import __version__
from lkedge.clock import SECOND_NS, Clock
from lkedge.control.api import COMMAND, COMMANDS, Access, Command
from lkedge.control.arguments import Arguments
from lkedge.control.changes import EventName
from lkedge.control.errors import Code, ControlError
from lkedge.control.events import encoded
from lkedge.control.failures import as_control_error
from lkedge.control.handler import Handler
from lkedge.control.http_messages import JSON, EventStream, HttpFault, Request, Response, refusal
from lkedge.control.http_routes import Match, Resource, arguments, find
from lkedge.control.metrics import CONTENT_TYPE, Facts, Interface, Usage, metrics
from lkedge.control.peer import RefusalLog, Rights
from lkedge.control.processes import open_files, usage
from lkedge.control.replies import Reply

MAX_EVENT_STREAMS = 16
MAX_FOR_GUESTS = 8
"""Who may only read gets no event stream when there are so many."""

Answer = Response | EventStream


class Site:
    """Owned by the event loop.

    refusals: of callers without rights. connections: how many are open, told by the server.
    """

    def __init__(self, handler: Handler, rights: Rights, clock: Clock) -> None:
        self.refusals = RefusalLog()
        self.connections: Callable[[], int] = lambda: 0
        self._handler = handler
        self._rights = rights
        self._clock = clock
        self._requests: Counter[int] = Counter()
        self._openapi = b""

    async def respond(self, request: Request) -> Answer:
        """The answer to a request over the Unix socket; never raises."""
        return await self._guarded(request, self._respond)

    async def respond_metrics(self, request: Request) -> Answer:
        """The answer over TCP, where everybody may see the metrics and nothing else; never raises."""
        return await self._guarded(request, self._respond_metrics)

    async def _guarded(self, request: Request, respond: Callable[[Request], Awaitable[Answer]]) -> Answer:
        try:
            answer = await respond(request)
        except HttpFault as fault:
            answer = fault.response()
        except Exception as error:
            answer = refusal(as_control_error(f"{request.method} {request.path:.200}", error))
        self._requests[answer.status if isinstance(answer, Response) else 200] += 1
        return answer

    async def _respond(self, request: Request) -> Answer:
        match = find(request.method, request.path)
        self._check_rights(request, match)
        if isinstance(match.action, Command):
            return await self._command(match.action, arguments(match, request))
        if match.action is Resource.EVENTS:
            return await self._events(request)
        return await self._page(match.action)

    async def _respond_metrics(self, request: Request) -> Answer:
        match = find(request.method, request.path)
        if match.action is not Resource.METRICS:
            raise ControlError(Code.FORBIDDEN, "over TCP there is only /metrics; the rest is on the Unix socket")
        return await self._page(Resource.METRICS)

    def _check_rights(self, request: Request, match: Match) -> None:
        is_command = isinstance(match.action, Command)
        access = match.action.access if isinstance(match.action, Command) else Access.READ
        peer = request.peer
        if peer is not None and self._rights.permits(peer, access):
            return
        what = match.action.name if isinstance(match.action, Command) else match.action.value
        if peer is not None:
            self.refusals.note(peer, what, self._clock.monotonic_ns())
        verb = "call" if is_command else "read"
        raise ControlError(Code.FORBIDDEN, f"you may not {verb} {what}: {self._rights.remedy(access)}")

    def _may_change(self, request: Request) -> bool:
        return request.peer is not None and self._rights.permits(request.peer, Access.CHANGE)

    async def _command(self, command: Command, wanted: Arguments) -> Response:
        reply = await self._handler.call(command, wanted)
        if isinstance(reply, Reply):
            return Response(200, reply.model_dump_json().encode() + b"\n")
        return Response(200, reply, "image/jpeg")

    async def _events(self, request: Request) -> Answer:
        if request.method == "HEAD":
            return Response(200, b"", "text/event-stream")
        streams = self._handler.events.streams
        if streams >= (MAX_EVENT_STREAMS if self._may_change(request) else MAX_FOR_GUESTS):
            raise ControlError(Code.BUSY, f"{streams} event streams are open already; try again later")
        subscription = self._handler.events.subscribe()
        try:
            state = await self._handler.call(COMMAND["status"], Arguments())
            assert isinstance(state, Reply)
            return EventStream(encoded(EventName.STATE, self._handler.events.last_id, state), subscription)
        except BaseException:
            subscription.close()
            raise

    async def _page(self, resource: Resource) -> Response:
        if resource is Resource.METRICS:
            return Response(200, metrics(self._facts()).encode(), CONTENT_TYPE)
        return Response(200, await self._document(), JSON)

    async def _document(self) -> bytes:
        if not self._openapi:
            # Imported late: hardly anybody asks for it.
            from lkedge.control.openapi import Description

            description = Description()
            for command in COMMANDS:
                description.add(command)
                await asyncio.sleep(0)
            self._openapi = json.dumps(description.document(), indent=2).encode() + b"\n"
        return self._openapi

    def _facts(self) -> Facts:
        status = self._handler.target.status()
        age_ns = self._clock.monotonic_ns() - self._handler.target.started_ns
        pids = {track.name: track.worker_pid for track in status.tracks if track.worker_pid not in (0, os.getpid())}
        found = {name: usage(pid) for name, pid in pids.items()}
        return Facts(
            version=__version__,
            status=status,
            started_s=round((self._clock.wall_ns() - age_ns) / SECOND_NS, 3),
            open_files=open_files(),
            daemon=usage(os.getpid()) or Usage(0.0, 0),
            workers={name: taken for name, taken in found.items() if taken is not None},
            interface=self._interface(),
        )

    def _interface(self) -> Interface:
        return Interface(
            connections=self.connections(),
            event_streams=self._handler.events.streams,
            dropped_clients=self._handler.events.dropped_clients,
            refusals=self.refusals.count,
            requests=self._requests,
        )
