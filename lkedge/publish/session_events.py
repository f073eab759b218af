"""What the server says about our tracks and media, handed to whom it concerns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lkedge.errors import LkedgeError
from lkedge.publish.room_sound import RoomSound
from lkedge.publish.room_tracks import RoomTracks
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.subscriber_transport import SubscriberTransport
from lkedge.signaling import events, requests

logger = logging.getLogger(__name__)

REFUSALS = {
    "NOT_ALLOWED": "the token does not permit publishing this source: grant canPublish and its canPublishSources",
    "LIMIT_EXCEEDED": "the server's limit of tracks or message size is reached",
    "UNSUPPORTED_TYPE": "the server does not know this type of track",
    "QUEUED": "another track with the same id is still being published",
}
"""RequestResponse reasons in words a user can act on (livekit-wire.md, section 3.4)."""


class SessionEvents:
    """Dispatches everything but the life of the connection itself. Owned by the event loop.

    sound: has to be told of the join and of every resume.
    """

    def __init__(
        self,
        tracks: RoomTracks,
        transport: PublisherTransport,
        subscriber: SubscriberTransport,
        send: Callable[[requests.SignalRequest], None],
        rejoin: Callable[[], None],
    ) -> None:
        self._tracks = tracks
        self._transport = transport
        self._subscriber = subscriber
        self._send = send
        self.sound = RoomSound(tracks, send, rejoin)
        self._answering: set[asyncio.Task[None]] = set()

    def dispatch(self, event: events.SignalEvent) -> None:
        self.sound.take(event)
        match event:
            case events.AnswerReceived():
                self._tracks.on_answer(event.id, event.sdp)
            case events.TrickleReceived():
                self._on_trickle(event)
            case events.TrackPublished():
                self._tracks.on_track_published(event)
            case events.SubscribedQualityUpdate():
                self._on_qualities(event)
            case events.MuteRequested():
                self._on_mute(event)
            case events.TrackUnpublished():
                self._on_unpublished(event)
            case events.RequestRefused():
                self._on_refused(event)
            case events.ParticipantUpdated():
                self._tracks.set_permission(event.participant.permission)
            case events.OfferReceived():
                self._on_offer(event)
            case _:
                logger.debug("server said %s", type(event).__name__)

    def _on_trickle(self, event: events.TrickleReceived) -> None:
        is_ours = event.target is requests.SignalTarget.PUBLISHER
        transport = self._transport if is_ours else self._subscriber
        if event.candidate_init:
            transport.add_remote_candidate(event.candidate_init)
        if event.final:
            transport.end_of_remote_candidates()

    def _on_qualities(self, event: events.SubscribedQualityUpdate) -> None:
        publication = self._tracks.by_sid(event.sid)
        if publication is not None:
            publication.set_subscribed(event.qualities)

    def _on_mute(self, event: events.MuteRequested) -> None:
        publication = self._tracks.by_sid(event.sid)
        if publication is not None:
            logger.info("%s: %s by the server", publication.name, "muted" if event.muted else "unmuted")
            publication.set_muted(event.muted, by_server=True)

    def _on_unpublished(self, event: events.TrackUnpublished) -> None:
        publication = self._tracks.by_sid(event.sid)
        if publication is not None:
            logger.warning("%s: removed from the room by the server", publication.name)
            self._tracks.withdraw(publication, "the server removed the track from the room")

    def _on_refused(self, event: events.RequestRefused) -> None:
        reason = REFUSALS.get(event.reason, f"the server says {event.reason}")
        text = f"{reason} ({event.message})" if event.message else reason
        if not (event.cid and self._tracks.on_refused(event.cid, text)):
            logger.warning("the server refused %s: %s", event.kind or "a request", text)

    def _on_offer(self, event: events.OfferReceived) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(event), name="session.subscriber-answer")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, event: events.OfferReceived) -> None:
        async def send(sdp: str) -> None:
            self._send(requests.Answer(sdp, event.id))

        try:
            await self._subscriber.answer(event.sdp, send)
        except LkedgeError as error:
            logger.warning("the server's subscriber offer could not be answered: %s", error)

    async def close(self) -> None:
        """End what still answers."""
        self.sound.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
