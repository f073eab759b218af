"""Sound that nobody listens to: the wait, the packets of silence, and what the room tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from lkedge.clock import SystemClock
from lkedge.config.models import AudioPublish, TrackConfig
from lkedge.media.frame import EncodedFrame
from lkedge.plugin.api import AudioFormat
from lkedge.publish import listening
from lkedge.publish.attachment import Attachment
from lkedge.publish.publication import Publication
from lkedge.publish.room_sound import RoomSound
from lkedge.publish.room_tracks import RoomTracks
from lkedge.signaling import events, requests
from lkedge.signaling.participant import Participant
from lkedge.terms import Cid, TrackSid, TrackSource
from lkedge.worker.events import SourceOpened

CONFIG = TrackConfig("mic", "tone", TrackSource.MICROPHONE, AudioPublish())
SID = TrackSid("TR_1")
JOINED = events.Joined("room", "RM_1", cast(Any, None), (), False, False, (), 5, 15, "1.13.5", tells_listeners=True)


class Listener:
    def do_publication_changed(self, publication: Publication) -> None: ...

    def do_mute_changed(self, publication: Publication) -> None: ...


class Link(Attachment):
    """Keeps what is sent."""

    def __init__(self, *, tells_listeners: bool = True) -> None:
        super().__init__(SID, Cid("c"), {}, cast(Any, None), cast(Any, None), tells_listeners)
        self.sent: list[EncodedFrame] = []

    def send(self, frame: EncodedFrame) -> None:
        self.sent.append(frame)

    def silence(self, rid: object) -> None: ...


class Tracks:
    """Of RoomTracks what RoomSound needs."""

    def __init__(self, publication: Publication) -> None:
        self.published = ((publication, SID, Cid("c")),)
        self.tells_listeners = False

    def by_sid(self, sid: TrackSid) -> Publication | None:
        return self.published[0][0] if sid == SID else None


@pytest.fixture
async def publication() -> Any:
    """Its worker is never started."""
    made = Publication(CONFIG, (), SystemClock(), Listener())
    made._on_worker_event(SourceOpened(audio=AudioFormat(1)))
    yield made
    await made.stop()


@pytest.fixture
def sent() -> list[requests.SignalRequest]:
    return []


@pytest.fixture
def sound(publication: Publication, sent: list[requests.SignalRequest]) -> Iterator[RoomSound]:
    made = RoomSound(cast(RoomTracks, Tracks(publication)), sent.append, rejoin=pytest.fail)
    made.joined(JOINED)
    yield made
    made.close()


def reason(publication: Publication) -> str:
    return publication.track.layer_states()[0].reason


def hears(sound: RoomSound) -> None:
    sound.take(events.SubscribedAudioCodecUpdate(SID, {"opus": True}))


def room(sound: RoomSound, count: int, *, is_recording: bool = False) -> None:
    sound.take(events.RoomUpdated("RM_1", "room", "", count, is_recording))


def not_heard(publication: Publication) -> Link:
    link = Link()
    publication.attach(link)
    publication.listening.set_codecs({"opus": False})
    return link


async def test_only_a_server_that_tells_is_waited_for(publication: Publication) -> None:
    publication.attach(Link(tells_listeners=False))
    assert publication.track.controller.next_change_ns() is None
    publication.detach()
    publication.attach(Link())
    assert publication.track.controller.next_change_ns() is not None
    assert reason(publication) == ""


async def test_a_wait_that_ends_while_the_source_is_opened_anew_asks_for_no_decision(publication: Publication) -> None:
    publication.attach(Link())
    publication.track.controller.expect_listeners(-(10**18))
    await publication._end_worker()
    publication.refresh()
    assert not publication._alarm.is_set
    publication._on_worker_event(SourceOpened(audio=AudioFormat(1)))
    assert reason(publication) == "not subscribed"


async def test_the_codecs_that_somebody_wants(publication: Publication) -> None:
    publication.attach(Link())
    publication.listening.set_codecs({"opus": False, "pcmu": False})
    assert reason(publication) == "not subscribed"
    publication.listening.set_codecs({"opus": True, "pcmu": False})
    assert reason(publication) == ""


async def test_silence_is_sent_now_and_then_while_it_pauses(publication: Publication) -> None:
    link = not_heard(publication)
    assert publication.listening._alarm.is_set
    publication.listening._alarm._fire()
    (frame,) = link.sent
    assert (frame.data, frame.has_voice, frame.audio_level) == (listening.SILENCE, False, 127)
    assert publication.listening._alarm.is_set


@pytest.mark.parametrize("end", ["heard", "muted", "detached"])
async def test_no_silence_when_heard_muted_or_gone(publication: Publication, end: str) -> None:
    not_heard(publication)
    match end:
        case "heard":
            publication.listening.set_codecs({"opus": True})
        case "muted":
            publication.set_muted(True)
        case "detached":
            publication.detach()
    assert not publication.listening._alarm.is_set


async def test_the_first_visible_listener_counts_too(publication: Publication, sound: RoomSound) -> None:
    publication.attach(Link())
    publication.track.controller.expect_listeners(-(10**18))
    publication.refresh()
    assert reason(publication) == "not subscribed"
    sound.take(events.TrackSubscribed(SID))
    assert reason(publication) == ""


async def test_heard_sound_is_published_anew_once_the_room_is_empty(publication: Publication, sound: RoomSound) -> None:
    publication.attach(Link())
    hears(sound)
    sound.take(events.OthersChanged(1))
    room(sound, 2)
    assert publication.attachment is not None
    sound.take(events.OthersChanged(0))
    room(sound, 1)
    assert publication.attachment is None


@pytest.mark.parametrize("who", ["visible", "hidden", "recorder", "unknown"])
async def test_not_while_somebody_may_listen(publication: Publication, sound: RoomSound, who: str) -> None:
    publication.attach(Link())
    hears(sound)
    match who:
        case "visible":
            sound.take(events.OthersChanged(1))
            room(sound, 1)
        case "hidden":
            room(sound, 2)
        case "recorder":
            room(sound, 1, is_recording=True)
        case "unknown":
            sound.take(events.OthersChanged(0))
    assert publication.attachment is not None


async def test_a_short_visit_that_no_update_tells_of(publication: Publication, sound: RoomSound) -> None:
    room(sound, 1)
    publication.attach(Link())
    hears(sound)
    assert publication.attachment is not None
    sound._settling._fire()
    assert publication.attachment is None


async def test_once_only_for_a_listener_who_is_not_counted(publication: Publication, sound: RoomSound) -> None:
    for is_left in (False, True):
        publication.attach(Link())
        hears(sound)
        room(sound, 1)
        assert (publication.attachment is not None) is is_left
    sound.take(events.OthersChanged(1))
    room(sound, 2)
    sound.take(events.OthersChanged(0))
    room(sound, 1)
    assert publication.attachment is None


async def test_not_while_muted(publication: Publication, sound: RoomSound) -> None:
    publication.attach(Link())
    hears(sound)
    publication.set_muted(True)
    room(sound, 1)
    assert publication.attachment is not None


def ourselves(*, muted: bool = False) -> events.ParticipantUpdated:
    muted_sids = frozenset({SID}) if muted else frozenset[TrackSid]()
    return events.ParticipantUpdated(Participant("PA", "camera", track_sids=frozenset({SID}), muted_sids=muted_sids))


async def test_after_a_resume_the_server_is_asked_again_once(
    publication: Publication, sound: RoomSound, sent: list[requests.SignalRequest]
) -> None:
    publication.attach(Link())
    sound.take(ourselves())
    assert sent == []
    sound.resumed()
    sound.take(ourselves())
    sound.take(ourselves())
    assert sent == [requests.Mute(SID, False)]


@pytest.mark.parametrize("why", ["heard", "muted by us", "muted by somebody meanwhile"])
async def test_nothing_is_asked_of_what_is_heard_or_muted(
    publication: Publication, sound: RoomSound, sent: list[requests.SignalRequest], why: str
) -> None:
    publication.attach(Link())
    if why == "heard":
        hears(sound)
    publication.set_muted(why == "muted by us")
    sound.resumed()
    sound.take(ourselves(muted=why.startswith("muted by somebody")))
    assert sent == []


@pytest.mark.parametrize("tells", [True, False])
async def test_what_the_server_tells_is_known_before_tracks_are_added(
    publication: Publication, sound: RoomSound, tells: bool
) -> None:
    sound.joined(replace(JOINED, tells_listeners=tells))
    assert cast(Any, sound._tracks).tells_listeners is tells
