"""One room session after another, for ever, as ReconnectPolicy says."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.clock import Clock, WallClock
from lkedge.config.models import LiveKitConfig
from lkedge.errors import JoinRefused, LkedgeError, SignalLost
from lkedge.publish.complaints import Complaints
from lkedge.publish.profile import profile_change, profile_of
from lkedge.publish.reconnect import ReconnectPolicy
from lkedge.publish.state import ConnectionState, ConnectionStatus
from lkedge.signaling.token import Credentials, TokenKeeper

if TYPE_CHECKING:
    from lkedge.publish.session import RoomSession

OFFLINE_AFTER_S = 30.0
"""Without a room for so long, sources are released; they come back with the room."""


class RoomConnection:
    """Owned by the event loop; `run` is its one task.

    on_session: called with every new session before it joins. on_changed: `status` is another one.
    on_online: called with True when a room is joined, and with False after 30 s without one.
    """

    def __init__(
        self,
        livekit: LiveKitConfig,
        tokens: TokenKeeper,
        *,
        clock: Clock,
        wall: WallClock,
        on_session: Callable[[RoomSession], None],
        on_changed: Callable[[], None],
        on_online: Callable[[bool], None],
    ) -> None:
        self._livekit = livekit
        self._tokens = tokens
        self._clock = clock
        self._wall = wall
        self._on_session = on_session
        self._on_changed = on_changed
        self._on_online = on_online
        self._policy = ReconnectPolicy()
        self._retry_now = asyncio.Event()
        self._offline_timer: asyncio.TimerHandle | None = None
        self._must_rejoin = False
        self._is_stopping = False
        self._complaints = Complaints()
        self.session: RoomSession | None = None
        self.status = ConnectionStatus(ConnectionState.DISCONNECTED, url=livekit.url)

    async def run(self) -> None:
        """Until `stop`."""
        while not self._is_stopping:
            error = await self._run_session()
            if not (self._is_stopping or self._must_rejoin):
                await self._wait_after(error)
            self._must_rejoin = False
        self._set_status(replace(self.status, state=ConnectionState.CLOSED, reason=""))

    def stop(self) -> None:
        """Leave the room; `run` returns soon."""
        self._is_stopping = True
        self._retry_now.set()
        self._cancel_offline()
        if self.session is not None:
            self.session.leave()

    def reconnect(self) -> None:
        """Join anew: leave the room first, or do not wait for the next attempt."""
        if self.session is None:
            self._retry_now.set()
            return
        self._must_rejoin = True
        self.session.leave()

    def use(self, livekit: LiveKitConfig, tokens: TokenKeeper) -> None:
        """Leave, and join as these settings say."""
        self._livekit, self._tokens = livekit, tokens
        self._policy = ReconnectPolicy()
        self._must_rejoin = True
        self.reconnect()

    def show(self, livekit: LiveKitConfig, tokens: TokenKeeper) -> None:
        """Show others the name, metadata and attributes of these settings, which differ in nothing else."""
        before, self._livekit, self._tokens = self._livekit, livekit, tokens
        if self.session is not None:
            self.session.show(profile_change(before, livekit))

    def clock_was_set(self) -> None:
        """A token that was made before the time was right was refused, or is about to be; another one will not be."""
        self._policy.clock_was_set()
        if self.session is None or self.status.state is ConnectionState.CONNECTING:
            self._retry_now.set()

    async def _run_session(self) -> LkedgeError | None:
        """One session from token to end. Returns why it ended, None when we left."""
        try:
            self._set_status(replace(self.status, state=ConnectionState.CONNECTING))
            credentials = await self._tokens.credentials()
            if self._must_rejoin or self._is_stopping:
                return None
            session = self.session = self._new_session(credentials)
            self._on_session(session)
            await session.run()
        except LkedgeError as error:
            return error
        finally:
            self.session = None
            self._begin_offline()
        return None

    def _new_session(self, credentials: Credentials) -> RoomSession:
        # Imported late: the workers open their sources meanwhile.
        from lkedge.publish.media_path import ice_settings
        from lkedge.publish.session import RoomSession

        url = credentials.url or self._livekit.url
        return RoomSession(
            url,
            credentials.token,
            ice=ice_settings(self._livekit.ice, url),
            clock=self._clock,
            wall=self._wall,
            on_changed=self._on_session_changed,
            on_token=self._tokens.refreshed,
            rejoin=self.reconnect,
            profile=profile_of(self._livekit),
        )

    async def _wait_after(self, error: LkedgeError | None) -> None:
        if isinstance(error, JoinRefused):
            self._tokens.forget()
        reason = str(error) or "the session ended"
        decision = self._policy.failed(error or SignalLost(reason), self._clock.monotonic_ns(), random.random())
        self._set_status(replace(self.status, state=ConnectionState.WAITING, reason=reason))
        self._complaints.lost(reason, decision, self.status.room)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(decision.delay_s):
                await self._retry_now.wait()
        self._retry_now.clear()

    def _on_session_changed(self, status: ConnectionStatus) -> None:
        was_connected = self.status.state is ConnectionState.CONNECTED
        if status.state is ConnectionState.CONNECTED and not was_connected:
            self._policy.connected(self._clock.monotonic_ns())
            self._complaints.connected()
            self._cancel_offline()
            self._on_online(True)
        joins = self.status.joins + (status.participant_sid not in ("", self.status.participant_sid))
        if status.state is not ConnectionState.CLOSED:
            self._set_status(replace(status, joins=joins))

    def _set_status(self, status: ConnectionStatus) -> None:
        self.status = status
        self._on_changed()

    def _begin_offline(self) -> None:
        if self._offline_timer is None and not self._is_stopping:
            loop = asyncio.get_running_loop()
            self._offline_timer = loop.call_later(OFFLINE_AFTER_S, self._on_online, False)

    def _cancel_offline(self) -> None:
        if self._offline_timer is not None:
            self._offline_timer.cancel()
            self._offline_timer = None
