"""One stay in a room: from the join to the leave, over as many WebSockets and ICE restarts as it takes.

The signalling connection and the media path fail independently. A lost WebSocket is
resumed while media goes on; a dead path is restarted while signalling goes on; when both
are gone the resume comes first. What cannot be repaired ends `run` with the error that
says why, and the Publisher decides about the next session.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lkedge.clock import SECOND_NS, Clock, WallClock
from lkedge.errors import LkedgeError, ServerLeave, SignalLost, TransportError
from lkedge.journal import MessageId, event
from lkedge.publish.media_path import MediaPath
from lkedge.publish.permissions import EVERYBODY, Permissions
from lkedge.publish.profile import shows
from lkedge.publish.publication import Publication
from lkedge.publish.reconnect import RESUME_WINDOW_S, resume_delay_s
from lkedge.publish.room_tracks import RoomTracks
from lkedge.publish.session_events import SessionEvents
from lkedge.publish.state import ConnectionState, ConnectionStatus
from lkedge.rtc.settings import IceSettings
from lkedge.signaling import events, requests
from lkedge.signaling.client import SignalClient
from lkedge.terms import Ssrc

logger = logging.getLogger(__name__)

LEAVE_PATIENCE_S = 1.0

ICE_RESTART_ATTEMPTS = 4
"""The server gives a dead path 15 s; each attempt may take a few."""


class RoomSession:
    """Made for one join; `run` it once. Owned by the event loop."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ice: IceSettings,
        clock: Clock,
        wall: WallClock,
        on_changed: Callable[[ConnectionStatus], None],
        on_token: Callable[[str], None],
        rejoin: Callable[[], None],
        profile: requests.UpdateMetadata | None = None,
    ) -> None:
        """profile: what others shall see of us; sent after the join when the token said something else."""
        self._url = url
        self._token = token
        self._ice = ice
        self._clock = clock
        self._on_changed = on_changed
        self._on_token = on_token
        self._profile = profile or requests.UpdateMetadata()
        self._client = SignalClient(self._on_event)
        self._path = MediaPath(ice, self, clock=clock, wall=wall)
        self._tracks = RoomTracks(self._path.publisher, self._path.egress, self._path.rtcp, self.do_send)
        self._events = SessionEvents(self._tracks, self._path.publisher, self._path.subscriber, self.do_send, rejoin)
        self._permissions = Permissions()
        self._shared: requests.SubscriptionPermissions | None = EVERYBODY
        self._joined: events.Joined | None = None
        self._trouble = asyncio.Event()
        self._signal_reason: str | None = None
        self._is_media_lost = False
        self._is_leaving = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A LeaveRequest may come when the session has already ended for another reason.
        self._over.add_done_callback(lambda over: over.cancelled() or over.exception())
        self.status = ConnectionStatus(ConnectionState.CONNECTING, url=url)

    @property
    def tracks(self) -> RoomTracks:
        return self._tracks

    @property
    def has_connected(self) -> bool:
        """Media has flowed in it; such a session was not refused."""
        return self._tracks.has_negotiated.is_set()

    def set_wanted(self, publications: list[Publication]) -> None:
        """The publications that should be in the room."""
        self._tracks.set_wanted(publications)

    def do_send(self, request: requests.SignalRequest) -> None:
        """Say something to the server; lost while there is no connection."""
        try:
            self._client.send(request)
        except LkedgeError as error:
            logger.debug("not sent: %s", error)

    def do_media_lost(self) -> None:
        if self.has_connected:
            self._is_media_lost = True
            self._trouble.set()

    def do_key_frame_needed(self, ssrc: Ssrc) -> None:
        for publication, _, _ in self._tracks.published:
            publication.request_key_frame(ssrc)

    def pace(self, bitrate: int) -> None:
        """The tracks now want `bitrate` bits per second in sum."""
        self._path.pace(bitrate)

    async def run(self) -> None:
        """Join and stay. Returns after `leave`.

        Raises:
            LkedgeError: JoinRefused, SignalLost, ServerLeave, NegotiationError or
                TransportError: why the session is over.
        """
        try:
            joined = await self._join()
            if joined is not None:
                self._take_joined(joined)
                await self._stay()
        finally:
            await self._tear_down()

    def leave(self) -> None:
        """Leave the room cleanly: others see the tracks go at once."""
        self._is_leaving = True
        if not self._over.done():
            self._over.set_result(None)

    def set_permissions(self, permissions: Permissions) -> None:
        """Who may subscribe to what, from now on."""
        self._permissions = permissions
        self.share_permissions()

    def share_permissions(self) -> None:
        """Say who may subscribe, unless the server knows it so. Call when a track has got its sid."""
        request = self._permissions.request({one.name: sid for one, sid, _ in self._tracks.published})
        if request != self._shared and self._client.is_connected:
            self._shared = request
            self.do_send(request)

    def show(self, profile: requests.UpdateMetadata) -> None:
        """Let others see this of us."""
        self._profile = profile
        if self._client.is_connected:
            self.do_send(profile)

    async def _join(self) -> events.Joined | events.Resumed | None:
        """None when we are told to leave before."""
        joining = asyncio.create_task(self._client.connect(self._url, self._token, None), name="session.join")
        waiting: list[asyncio.Future[Any]] = [joining, self._over]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return joining.result() if joining.done() else None
        finally:
            joining.cancel()

    async def _stay(self) -> None:
        tasks = [
            asyncio.create_task(self._tracks.run(), name="session.tracks"),
            asyncio.create_task(self._keep_connected(), name="session.keep"),
        ]
        try:
            done, _ = await asyncio.wait([*tasks, self._over], return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                finished.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tear_down(self) -> None:
        self._tracks.detach_all()
        await self._events.close()
        await asyncio.gather(self._client.close(leave=self._is_leaving), self._path.close())
        self._set_status(state=ConnectionState.CLOSED)

    def _take_joined(self, joined: events.Joined | events.Resumed) -> None:
        assert isinstance(joined, events.Joined)
        self._joined = joined
        self._path.use_servers(joined)
        self._events.sound.joined(joined)
        participant = joined.participant
        logger.info(
            "joined room %s as %s (server %s)",
            joined.room_name,
            participant.identity,
            joined.server_version or "unknown",
            extra=event(MessageId.JOINED, room=joined.room_name),
        )
        self._set_status(
            state=ConnectionState.CONNECTED,
            room=joined.room_name,
            identity=participant.identity,
            participant_sid=participant.sid,
            server_version=joined.server_version,
            since_ns=self._clock.monotonic_ns(),
        )
        if participant.permission.can_update_metadata and not shows(participant, self._profile):
            self.do_send(self._profile)
        self.share_permissions()

    async def _keep_connected(self) -> None:
        while True:
            await self._trouble.wait()
            self._trouble.clear()
            if self._signal_reason is not None:
                await self._resume(self._signal_reason)
            if self._is_media_lost:
                await self._restart_ice()
            self._tracks.wake()
            self._set_status(state=ConnectionState.CONNECTED, reason="")

    async def _resume(self, reason: str) -> None:
        """A new WebSocket for the same participant. Raises what makes that impossible."""
        assert self._joined is not None
        logger.warning("signalling lost (%s): resuming", reason, extra=event(room=self._joined.room_name))
        self._set_status(state=ConnectionState.RECONNECTING, reason=reason)
        self._tracks.on_signal_lost(reason)
        began_ns = self._clock.monotonic_ns()
        for attempt in itertools.count():
            await asyncio.sleep(resume_delay_s(attempt))
            try:
                await self._reconnect_signal()
                return
            except SignalLost:
                if self._clock.monotonic_ns() - began_ns > RESUME_WINDOW_S * SECOND_NS:
                    raise

    async def _reconnect_signal(self) -> None:
        assert self._joined is not None
        await self._client.close(leave=False)
        self._client = SignalClient(self._on_event)
        resumed = await self._client.connect(self._url, self._token, self._joined.resume_from())
        self._signal_reason = None
        self._path.use_servers(resumed)
        self.do_send(requests.SyncState(self._tracks.sync_state()))
        self._events.sound.resumed()
        self._shared = None if self._shared != EVERYBODY else EVERYBODY
        self.share_permissions()
        self._set_status(resumes=self.status.resumes + 1)
        logger.info("resumed the session in room %s", self._joined.room_name, extra=event(room=self._joined.room_name))

    async def _restart_ice(self) -> None:
        if self._path.publisher.is_over:
            # Whoever ended DTLS says why in a LeaveRequest, which may come a moment later.
            await asyncio.sleep(LEAVE_PATIENCE_S)
            raise TransportError("the server ended the media connection")
        logger.warning("the media path is dead: restarting ICE")
        self._set_status(state=ConnectionState.RECONNECTING, reason="the media path is dead")
        for attempt in range(ICE_RESTART_ATTEMPTS):
            try:
                await self._path.publisher.restart_ice(self._tracks.exchange)
                self._is_media_lost = False
                logger.info("the media path is back")
                return
            except (TransportError, SignalLost) as error:
                if attempt == ICE_RESTART_ATTEMPTS - 1 or self._signal_reason is not None:
                    raise TransportError(f"the media path could not be restored: {error}") from error

    def _on_event(self, event: events.SignalEvent) -> None:
        match event:
            case events.TokenRefreshed():
                self._token = event.token
                self._on_token(event.token)
            case events.Left():
                self._on_left(event)
            case events.SignalClosed():
                self._lose_signal(event.reason)
            case events.ConnectionQualityChanged():
                self._set_status(quality=event.quality.value)
            case events.SpeakersChanged():
                self._set_status(speaker_level=event.level if event.active else 0.0)
            case _:
                self._events.dispatch(event)

    def _on_left(self, event: events.Left) -> None:
        if event.action is events.LeaveAction.RESUME:
            self._is_media_lost = True
            self._lose_signal(f"the server asked us to resume: {event.reason}")
        elif not self._over.done():
            self._over.set_exception(ServerLeave(event.action.value, event.reason))

    def _lose_signal(self, reason: str) -> None:
        if self._over.done() or self._signal_reason is not None:
            return
        self._signal_reason = reason
        self._trouble.set()

    def _set_status(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)
        self._on_changed(self.status)
