"""Keeps sound silent that nobody in the room hears.

The server tells of the first listener of a published track, and never of the last one who
goes. So sound begins silent, and when everybody has left the room, what was heard is
published anew: silent again, and whoever cannot be seen and still listens is told of at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lkedge.publish.alarm import Alarm
from lkedge.publish.publication import Publication
from lkedge.publish.room_tracks import RoomTracks
from lkedge.signaling import events, requests
from lkedge.signaling.participant import Participant

logger = logging.getLogger(__name__)

SETTLED_S = 6.0
"""After a change; RoomUpdated counts those who cannot be seen up to 5 s later, and says nothing of a shorter visit."""

MAX_RENEWALS = 100
"""Each leaves a media section behind in every later offer (rtc.sdp): 65 KB by then. Another join begins without any."""


class RoomSound:
    """Of one session. Owned by the event loop."""

    def __init__(
        self, tracks: RoomTracks, send: Callable[[requests.SignalRequest], None], rejoin: Callable[[], None]
    ) -> None:
        """rejoin: leaves the room and joins it anew, at once."""
        self._tracks = tracks
        self._send = send
        self._rejoin = rejoin
        self._renewals = 0
        self._must_ask = False
        self._others = 0
        self._counted: int | None = None
        self._is_recording = False
        self._renewed: set[Publication] = set()
        self._settling = Alarm(self._renew_if_alone)

    def close(self) -> None:
        """The session is over."""
        self._settling.cancel()

    def joined(self, joined: events.Joined) -> None:
        """Before anything is published."""
        self._tracks.tells_listeners = joined.tells_listeners
        self._others = joined.other_participants

    def resumed(self) -> None:
        """What was said meanwhile is lost; once the server has described us anew, it is asked."""
        self._must_ask = True

    def take(self, event: events.SignalEvent) -> None:
        """Whatever tells of listeners, or of who is in the room."""
        match event:
            case events.SubscribedAudioCodecUpdate():
                self._heard(event)
            case events.TrackSubscribed():
                self._subscribed(event)
            case events.ParticipantUpdated():
                self._ask(event.participant)
            case events.OthersChanged():
                self._others = event.count
                self._settling.set(SETTLED_S)
            case events.RoomUpdated():
                self._counted, self._is_recording = event.num_participants, event.is_recording
                self._renew_if_alone()
            case _:
                pass

    def _ask(self, ourselves: Participant) -> None:
        """An unmute makes the server tell again; of what somebody muted meanwhile it would be more than a question."""
        if not self._must_ask:
            return
        self._must_ask = False
        for publication, sid, _ in self._tracks.published:
            is_unmuted = not publication.is_muted and sid in ourselves.track_sids - ourselves.muted_sids
            if is_unmuted and publication.listening.is_expected:
                self._send(requests.Mute(sid, False))

    def _heard(self, event: events.SubscribedAudioCodecUpdate) -> None:
        publication = self._tracks.by_sid(event.sid)
        if publication is not None:
            publication.listening.set_codecs(event.codecs)
            self._settling.set(SETTLED_S)

    def _subscribed(self, event: events.TrackSubscribed) -> None:
        publication = self._tracks.by_sid(event.sid)
        if publication is not None and publication.listening.is_expected:
            publication.listening.set_codecs({"": True})

    @property
    def _is_alone(self) -> bool:
        """Nobody can be seen, nobody hidden is counted, nobody records."""
        is_counted_alone = self._counted is not None and self._counted <= 1
        return not self._others and is_counted_alone and not self._is_recording

    def _renew_if_alone(self) -> None:
        """Once each time that the room has become empty: whoever still listens then stays heard."""
        if not self._is_alone:
            self._renewed.clear()
            return
        stale = [publication for publication, _, _ in self._tracks.published if self._may_renew(publication)]
        if stale and self._renewals >= MAX_RENEWALS:
            logger.info("nobody is left in the room: joining anew, after %d renewals of sound", self._renewals)
            self._rejoin()
            return
        for publication in stale:
            self._renew(publication)

    def _renew(self, publication: Publication) -> None:
        logger.info("%s: nobody is left in the room: published anew, for whoever comes", publication.name)
        self._renewals += 1
        self._renewed.add(publication)
        publication.detach()

    def _may_renew(self, publication: Publication) -> bool:
        """A muted track stays: without a packet a new one would not be seen."""
        return publication.listening.is_stale and not publication.is_muted and publication not in self._renewed
