"""The loop-back SFU's WebSocket server: handshake, join, resume, and reading what comes."""

from __future__ import annotations

import http
import itertools
import logging
from typing import TYPE_CHECKING

from livekit.protocol import models
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from lkedge.testing import sfu_messages as messages
from lkedge.testing.sfu_access import JoinRequest, Refusal, examine
from lkedge.testing.sfu_participant import SfuParticipant
from lkedge.testing.sfu_socket import SfuSocket

if TYPE_CHECKING:
    from lkedge.testing.sfu import LoopbackSfu

logger = logging.getLogger(__name__)

MESSAGE_LIMIT_BYTES = 2 << 20


class SignalServer:
    """Owned by LoopbackSfu.

    port: 0 until the first start; the same after a restart.
    """

    def __init__(self, sfu: LoopbackSfu) -> None:
        self._sfu = sfu
        self._server: Server | None = None
        self._numbers = itertools.count(1)
        self.port = sfu.settings.port

    async def start(self) -> None:
        self._server = await serve(
            self._serve,
            self._sfu.settings.host,
            self.port,
            process_request=self._admit,
            compression=None,
            max_size=MESSAGE_LIMIT_BYTES,
            ping_interval=10,
            close_timeout=0.5,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        result = self._examine(request)
        if isinstance(result, Refusal):
            self._sfu.refusals.append(result)
            self._sfu.touch()
            return connection.respond(http.HTTPStatus(result.status), result.text + "\n")
        if request.path.split("?")[0].endswith("/validate"):
            return connection.respond(http.HTTPStatus.OK, "success")
        return None

    def _examine(self, request: Request) -> JoinRequest | Refusal:
        if self._sfu.faults.handshake_status is not None:
            return Refusal(self._sfu.faults.handshake_status, "refused by a fault")
        result = examine(request.path, request.headers.get("Authorization", ""), self._sfu.settings)
        limit = self._sfu.settings.max_participants
        if isinstance(result, JoinRequest) and limit and (result.room, result.identity) not in self._sfu.participants:
            present = sum(room == result.room for room, _ in self._sfu.participants)
            return result if present < limit else Refusal(500, "connection closed by media")
        return result

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        request = connection.request
        result = examine(request.path, request.headers.get("Authorization", ""), self._sfu.settings)
        if isinstance(result, Refusal):
            return
        socket = SfuSocket(connection)
        try:
            participant = self._welcome(socket, result)
            await self._read(connection, socket, participant)
        finally:
            await socket.finish()

    async def _read(self, connection: ServerConnection, socket: SfuSocket, participant: SfuParticipant | None) -> None:
        try:
            async for data in connection:
                if participant is not None and participant.socket is socket:
                    participant.receive(data)
        except ConnectionClosed:
            logger.debug("loop-back SFU: the WebSocket broke")
        if participant is not None and participant.socket is socket:
            self._lost_socket(participant)

    def _lost_socket(self, participant: SfuParticipant) -> None:
        participant.socket = None
        if not participant.is_connected:
            self._sfu.remove(participant)
        self._sfu.touch()

    def _welcome(self, socket: SfuSocket, request: JoinRequest) -> SfuParticipant | None:
        """The first message: None when it is a refusal, or a fault."""
        self._sfu.handshakes += 1
        self._sfu.touch()
        if self._sfu.faults.leave_first is not None:
            socket.send(messages.leave(*self._sfu.faults.leave_first))
            socket.hang_up()
            return None
        if self._sfu.faults.first_message is not None:
            if self._sfu.faults.first_message:
                socket.send_raw(self._sfu.faults.first_message)
            return None
        return self._resume(socket, request) if request.resume_sid else self._join(socket, request)

    def _resume(self, socket: SfuSocket, request: JoinRequest) -> SfuParticipant | None:
        participant = self._sfu.participants.get((request.room, request.identity))
        is_known = participant is not None and participant.sid == request.resume_sid
        if participant is None or not is_known or self._sfu.faults.forgets_sessions:
            socket.send(messages.leave("reconnect", "STATE_MISMATCH"))
            socket.hang_up()
            return None
        old, participant.socket = participant.socket, socket
        if old is not None:
            old.hang_up()
        participant.send(messages.reconnected(self._sfu.settings))
        participant.send(messages.update([participant.info()]))
        self._sfu.refresh_token(participant)
        participant.resumed()
        self._sfu.touch()
        return participant

    def _join(self, socket: SfuSocket, request: JoinRequest) -> SfuParticipant:
        old = self._sfu.participants.get((request.room, request.identity))
        if old is not None:
            self._sfu.dismiss(old, "disconnect", "DUPLICATE_IDENTITY")
        participant = SfuParticipant(self._sfu, f"PA_{next(self._numbers):08d}", request)
        others = [one.info() for one in self._sfu.participants.values() if one.room == request.room]
        self._sfu.participants[request.room, request.identity] = participant
        self._sfu.joins += 1
        participant.socket = socket
        room = models.Room(sid=f"RM_{request.room}", name=request.room)
        participant.send(messages.join(room, participant.info(), others, self._sfu.settings))
        self._sfu.refresh_token(participant)
        participant.send(messages.update([participant.info()]))
        participant.start_subscriber()
        self._sfu.touch()
        return participant
