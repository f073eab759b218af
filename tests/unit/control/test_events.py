from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from lkedge.control.changes import Change, EventName, changes
from lkedge.control.events import Event, EventHub
from lkedge.control.target import ControlChanged, Reloaded, StatusChanged
from lkedge.publish.state import ConnectionState, LayerCounters, Status, TrackState
from lkedge.testing.clock import FakeClock
from lkedge.testing.fake_target import CONTROLS, FakeTarget, sound_track, video_track

FRONT, TALK = video_track("front"), sound_track("talk")
BEFORE = Status(FakeTarget().connection, (FRONT, TALK))


def after(**tracks: object) -> list[Change]:
    return list(changes(BEFORE, Status(BEFORE.connection, tuple(tracks.values()))))  # type: ignore[arg-type]


def test_nothing() -> None:
    assert after(front=FRONT, talk=TALK) == []


def test_what_is_measured_is_no_change() -> None:
    layer = replace(FRONT.layers[0], measured_bitrate=1, measured_framerate=2.0, counters=LayerCounters(packets=9))
    connection = replace(BEFORE.connection, round_trip_ms=99, speaker_level=0.5)
    tracks = (replace(FRONT, layers=(layer, *FRONT.layers[1:])), TALK)
    assert list(changes(BEFORE, Status(connection, tracks))) == []


def test_tracks_come_and_go() -> None:
    back = video_track("back")
    assert after(front=FRONT, back=back) == [
        Change(EventName.TRACK_REMOVED, TALK),
        Change(EventName.TRACK_ADDED, back),
    ]


@pytest.mark.parametrize(
    "difference",
    [
        {"state": TrackState.FAILED}, {"reason": "x"}, {"sid": "TR_9"}, {"muted": True}, {"captures": False},
        {"restarts": 1}, {"condition": "no signal"}, {"encoder": "other"}, {"worker_pid": 8}, {"codec": "h264"},
    ],
)  # fmt: skip
def test_a_track_changes(difference: dict[str, object]) -> None:
    changed = replace(FRONT, **difference)  # type: ignore[arg-type]
    assert after(front=changed, talk=TALK) == [Change(EventName.TRACK_CHANGED, changed)]


@pytest.mark.parametrize("difference", [{"active": False}, {"reason": "muted"}, {"bitrate": 1}, {"width": 2}])
def test_a_layer_changes(difference: dict[str, object]) -> None:
    changed = replace(FRONT, layers=(replace(FRONT.layers[0], **difference), *FRONT.layers[1:]))  # type: ignore[arg-type]
    assert after(front=changed, talk=TALK) == [Change(EventName.LAYERS_CHANGED, changed)]


def test_the_connection_changes() -> None:
    lost = replace(BEFORE.connection, state=ConnectionState.RECONNECTING)
    assert list(changes(BEFORE, Status(lost, BEFORE.tracks))) == [Change(EventName.CONNECTION_CHANGED)]


@pytest.fixture
def hub(target: FakeTarget) -> EventHub:
    return EventHub(target, FakeClock())


async def test_it_listens_only_while_somebody_listens(hub: EventHub, target: FakeTarget) -> None:
    assert target.listeners == 0
    first, second = hub.subscribe(), hub.subscribe()
    assert target.listeners == 1
    first.close()
    first.close()
    assert (target.listeners, hub.streams) == (1, 1)
    second.close()
    assert (target.listeners, hub.streams) == (0, 0)


async def test_events_arrive_in_order_with_rising_ids(hub: EventHub, target: FakeTarget) -> None:
    subscription = hub.subscribe()
    target.tell(ControlChanged("front", CONTROLS[0]))
    await target.remove_track("talk", False)
    target.tell(Reloaded(None, ("bad",)))
    events = [await subscription.next(1) for _ in range(3)]
    assert [(event.id, event.name.value, event.track) for event in events if event] == [
        (1, "control_changed", "front"),
        (2, "track_removed", "talk"),
        (3, "reloaded", ""),
    ]
    subscription.close()


async def test_what_was_before_is_not_told(hub: EventHub, target: FakeTarget) -> None:
    subscription = hub.subscribe()
    target.set_muted("front", True, False)
    subscription.close()
    target.set_muted("front", False, False)
    subscription = hub.subscribe()
    target.tell(StatusChanged())
    assert await subscription.next(0.01) is None
    subscription.close()


async def test_a_full_queue_ends_the_subscription(hub: EventHub, target: FakeTarget) -> None:
    slow, quick = hub.subscribe(length=2), hub.subscribe()
    for _ in range(3):
        target.tell(ControlChanged("front", CONTROLS[0]))
    assert (slow.is_closed, quick.is_closed, hub.dropped_clients) == (True, False, 1)
    assert await slow.next(60) is None
    assert await quick.next(60) is not None
    quick.close()


async def test_closing_wakes_who_waits(hub: EventHub) -> None:
    subscription = hub.subscribe()
    waiting = asyncio.create_task(subscription.next(60))
    await asyncio.sleep(0)
    subscription.close()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_a_listener_that_raises_harms_nobody(
    hub: EventHub, target: FakeTarget, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise ZeroDivisionError

    hub.add(broken)
    hub.add(heard.append)
    with caplog.at_level(logging.ERROR):
        target.tell(ControlChanged("front", CONTROLS[0]))
    assert len(heard) == len(caplog.records) == 1
    hub.remove(broken)
    hub.remove(heard.append)
    assert target.listeners == 0


async def test_the_stream_has_one_line_of_json(hub: EventHub, target: FakeTarget) -> None:
    heard: list[Event] = []
    hub.add(heard.append)
    target.tell(Reloaded(None, ("a\nb",)))
    text = heard[0].encoded().decode()
    assert text == 'id: 1\nevent: reloaded\ndata: {"summary":"refused","steps":[],"problems":["a\\nb"]}\n\n'
    hub.remove(heard.append)
