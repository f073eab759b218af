"""One real livekit-server with what a test needs of it: tokens, rooms, its RoomService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from livekit import api

from lkedge.demo.server_process import LiveKitServer, ServerSettings

API_SECRET = "a-secret-for-tests-only-0123456789abcdef"
PARTICIPANT_DEADLINE_S = 10.0


class Sfu:
    """A livekit-server on free ports of 127.0.0.1; media stays on loop-back (server_process has the facts)."""

    def __init__(self, binary: Path, folder: Path, *, dynacast_pause_delay_s: float = 1.0, **overrides: Any) -> None:
        settings = ServerSettings(API_SECRET, dynacast_pause_delay_s=dynacast_pause_delay_s, overrides=overrides)
        self.server = LiveKitServer(binary, settings, folder)

    @property
    def url(self) -> str:
        return self.server.url

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def token(self, identity: str, room: str, *, ttl_s: float = 600.0, **grants: Any) -> str:
        """A JWT to join `room`; `grants` are fields of api.VideoGrants, such as can_subscribe=False."""
        token = api.AccessToken(self.server.api_key, self.server.api_secret).with_identity(identity)
        token = token.with_ttl(timedelta(seconds=ttl_s))
        return token.with_grants(api.VideoGrants(room_join=True, room=room, **grants)).to_jwt()

    @asynccontextmanager
    async def room_service(self, room: str) -> AsyncIterator[RoomService]:
        """The server's RoomService, bound to one room."""
        url = self.url.replace("ws://", "http://")
        async with api.LiveKitAPI(url, self.server.api_key, self.server.api_secret) as livekit_api:
            yield RoomService(livekit_api, room)


class RoomService:
    """What an administrator can do and see in one room (livekit-wire.md, section 12.3)."""

    def __init__(self, livekit_api: api.LiveKitAPI, room: str) -> None:
        self._room_service = livekit_api.room
        self.room = room

    async def participants(self) -> list[api.ParticipantInfo]:
        answer = await self._room_service.list_participants(api.ListParticipantsRequest(room=self.room))
        return list(answer.participants)

    async def participant(self, identity: str) -> api.ParticipantInfo | None:
        """None when nobody of that identity is there."""
        try:
            found = await self.participants()
        except api.TwirpError:
            return None
        return next((one for one in found if one.identity == identity), None)

    async def wait_for_participant(
        self,
        identity: str,
        predicate: Callable[[api.ParticipantInfo | None], bool] = lambda one: one is not None,
        deadline_s: float = PARTICIPANT_DEADLINE_S,
    ) -> api.ParticipantInfo | None:
        """Poll until `predicate` holds of that participant (None while absent). Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            while not predicate(one := await self.participant(identity)):
                await asyncio.sleep(0.05)
            return one

    async def wait_for_tracks(self, identity: str, count: int) -> list[Any]:
        """Until that participant has published exactly `count` tracks."""
        one = await self.wait_for_participant(identity, lambda found: found is not None and len(found.tracks) == count)
        assert one is not None
        return list(one.tracks)

    async def mute(self, identity: str, track_sid: str, muted: bool) -> None:
        await self._room_service.mute_published_track(
            api.MuteRoomTrackRequest(room=self.room, identity=identity, track_sid=track_sid, muted=muted)
        )

    async def remove(self, identity: str) -> None:
        await self._room_service.remove_participant(api.RoomParticipantIdentity(room=self.room, identity=identity))

    async def update(self, identity: str, **fields: Any) -> None:
        """fields of UpdateParticipantRequest: metadata, name, attributes, permission."""
        await self._room_service.update_participant(
            api.UpdateParticipantRequest(room=self.room, identity=identity, **fields)
        )

    async def delete(self) -> None:
        await self._room_service.delete_room(api.DeleteRoomRequest(room=self.room))


def eventually(predicate: Callable[[], bool], deadline_s: float = 10.0, interval_s: float = 0.02) -> Awaitable[None]:
    """Wait until `predicate` holds, polling. Raises TimeoutError."""

    async def poll() -> None:
        async with asyncio.timeout(deadline_s):
            while not predicate():
                await asyncio.sleep(interval_s)

    return poll()
