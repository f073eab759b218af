"""The stream of events: one comparison of states for all who listen, and a bounded queue for each client.

The hub listens to the daemon only while somebody listens to the hub.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lkedge.clock import Clock
from lkedge.control import convert
from lkedge.control.changes import Change, EventName, changes
from lkedge.control.replies import ControlEvent, LayersEvent, RemovedEvent, Reply
from lkedge.control.target import ControlChanged, ControlTarget, Notice, Reloaded, StatusChanged
from lkedge.publish.state import ConnectionState, ConnectionStatus, Status

logger = logging.getLogger(__name__)

MIN_INTERVAL_S = 0.1
"""States are compared at most so often; what changed in between is one event."""

QUEUE_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Event:
    """Something has changed.

    id: rises by one for each event of this daemon. track: name of the track, "" when it is about none.
    data: TrackReply for track_added and track_changed, LayersEvent, RemovedEvent, ConnectionReply,
        ControlEvent, ReloadedEvent; StatusReply for state.
    """

    id: int
    name: EventName
    track: str
    data: Reply

    def encoded(self) -> bytes:
        """As the event stream of HTTP has it (HTML Living Standard, section 9.2)."""
        return encoded(self.name, self.id, self.data)


def encoded(name: EventName, number: int, data: Reply) -> bytes:
    """One event of the stream; the JSON is on one line."""
    return f"id: {number}\nevent: {name}\ndata: {data.model_dump_json()}\n\n".encode()


_NOTHING = Status(ConnectionStatus(ConnectionState.DISCONNECTED), ())

EventListener = Callable[[Event], None]
"""Called on the loop; quick. What it raises is logged."""


class EventHub:
    """Turns notices of the daemon into events. Owned by the event loop.

    dropped_clients: subscriptions that were ended because nobody read them.
    streams: open subscriptions.
    """

    def __init__(self, target: ControlTarget, clock: Clock) -> None:
        self.dropped_clients = 0
        self.streams = 0
        self._target = target
        self._clock = clock
        self._listeners: list[EventListener] = []
        self._last_id = 0
        self._status = _NOTHING
        self._timer: asyncio.TimerHandle | None = None
        self._compared_s = 0.0

    @property
    def last_id(self) -> int:
        """Of the newest event; 0 before the first."""
        return self._last_id

    def add(self, listener: EventListener) -> None:
        """Call `listener` with every event from now on."""
        if not self._listeners:
            self._status = self._target.status()
            self._target.add_listener(self._take)
        self._listeners.append(listener)

    def remove(self, listener: EventListener) -> None:
        """Call it no more. One that was not added is left alone."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners:
            self._target.remove_listener(self._take)
            self._cancel_timer()

    def subscribe(self, length: int = QUEUE_LENGTH) -> Subscription:
        """A queue of the events from now on; close it."""
        return Subscription(self, length)

    def _take(self, notice: Notice) -> None:
        match notice:
            case StatusChanged():
                self._schedule()
            case ControlChanged(track=track, control=control):
                data = ControlEvent(track=track, control=convert.control_reply(control))
                self._tell(EventName.CONTROL_CHANGED, track, data)
            case Reloaded():
                self._compare()
                self._tell(EventName.RELOADED, "", convert.reloaded_event(notice))

    def _schedule(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._compared_s + MIN_INTERVAL_S, self._compare)

    def _compare(self) -> None:
        self._cancel_timer()
        self._compared_s = asyncio.get_running_loop().time()
        old, self._status = self._status, self._target.status()
        for change in changes(old, self._status):
            self._tell(change.name, change.track.name if change.track else "", self._data(change))

    def _data(self, change: Change) -> Reply:
        track = change.track
        if track is None:
            offset_ns = self._clock.wall_ns() - self._clock.monotonic_ns()
            return convert.connection_reply(self._status.connection, offset_ns)
        match change.name:
            case EventName.TRACK_REMOVED:
                return RemovedEvent(track=track.name)
            case EventName.LAYERS_CHANGED:
                return LayersEvent(track=track.name, layers=[convert.layer_reply(layer) for layer in track.layers])
        return convert.track_reply(track)

    def _tell(self, name: EventName, track: str, data: Reply) -> None:
        self._last_id += 1
        event = Event(self._last_id, name, track, data)
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed at the event %s", name)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Subscription:
    """The queue of one client. When it is full, the client has not read for long and is given up.

    is_closed: nothing comes any more.
    """

    def __init__(self, hub: EventHub, length: int) -> None:
        self.is_closed = False
        self._hub = hub
        self._length = length
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        hub.add(self._put)
        hub.streams += 1

    async def next(self, timeout_s: float) -> Event | None:
        """The next event; None after `timeout_s` without one, and at once when closed."""
        if not self._events and not self.is_closed:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self._events.popleft() if self._events else None

    def give_up(self) -> None:
        """Nobody reads it: close, and count that."""
        if not self.is_closed:
            self._hub.dropped_clients += 1
        self.close()

    def close(self) -> None:
        """No more events. Any number of times."""
        if not self.is_closed:
            self._hub.streams -= 1
        self.is_closed = True
        self._hub.remove(self._put)
        self._events.clear()
        self._arrived.set()

    def _put(self, event: Event) -> None:
        if len(self._events) < self._length:
            self._events.append(event)
            self._arrived.set()
        else:
            self.give_up()
