"""Tells the bus what changes: PropertiesChanged with what is new, objects that come and go, and our signals."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import Message

from lkedge.control.api import COMMAND, MANAGER, TRACK
from lkedge.control.arguments import Arguments
from lkedge.control.changes import EventName
from lkedge.control.dbus_names import OBJECT_MANAGER, PROPERTIES, ROOT_PATH, track_path
from lkedge.control.dbus_objects import Added, Changed, Difference, Objects, differences, interface_at, objects
from lkedge.control.dbus_types import table_of, text
from lkedge.control.events import Event
from lkedge.control.handler import Handler
from lkedge.control.replies import ControlEvent, ReloadedEvent, StatusReply

MIN_INTERVAL_S = 0.25
"""Objects are compared at most so often: four signals a second for each object at most."""

MAX_WAITING = 64
"""Signals about controls and reloads that wait for their turn; the oldest are dropped."""


class Signals:
    """Compares what the bus knows with what is. Owned by the loop, `run` by one task.

    send: returns when the message is written, so nothing piles up when the bus does not read.
    dropped: signals about controls and reloads that were lost in a burst.
    """

    def __init__(self, handler: Handler, send: Callable[[Message], Awaitable[None]]) -> None:
        self.dropped = 0
        self._handler = handler
        self._send = send
        self._known: Objects = {}
        self._waiting: deque[Message] = deque(maxlen=MAX_WAITING)
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled, or the bus is gone."""
        self._handler.events.add(self._take)
        try:
            self._known = await self._objects()
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                await self._tell_differences()
                await self._tell_waiting()
                await asyncio.sleep(MIN_INTERVAL_S)
        finally:
            self._handler.events.remove(self._take)

    def _take(self, event: Event) -> None:
        if signal := _signal_of(event):
            self.dropped += len(self._waiting) == MAX_WAITING
            self._waiting.append(signal)
        self._arrived.set()

    async def _tell_differences(self) -> None:
        before, self._known = self._known, await self._objects()
        for difference in differences(before, self._known):
            for message in difference_messages(difference):
                await self._send(message)

    async def _tell_waiting(self) -> None:
        while self._waiting:
            await self._send(self._waiting.popleft())

    async def _objects(self) -> Objects:
        status = await self._handler.call(COMMAND["status"], Arguments())
        assert isinstance(status, StatusReply)
        return objects(status)


def difference_messages(difference: Difference) -> list[Message]:
    """The signals that tell one difference."""
    path, interface = difference.path, interface_at(difference.path)
    if isinstance(difference, Changed):
        return [_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, difference.properties, [])]
    if isinstance(difference, Added):
        name = difference.properties["Name"].value
        interfaces = {interface: difference.properties}
        return [
            _signal(ROOT_PATH, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, interfaces),
            _signal(ROOT_PATH, MANAGER, "TrackAdded", "so", name, path),
        ]
    return [
        _signal(ROOT_PATH, OBJECT_MANAGER, "InterfacesRemoved", "oas", path, [interface]),
        _signal(ROOT_PATH, MANAGER, "TrackRemoved", "so", difference.name, path),
    ]


def _signal_of(event: Event) -> Message | None:
    """The signal for an event that no property tells."""
    data = event.data
    if event.name is EventName.CONTROL_CHANGED and isinstance(data, ControlEvent):
        return _signal(track_path(data.track), TRACK, "ControlChanged", "a{sv}", table_of(data.control))
    if event.name is EventName.RELOADED and isinstance(data, ReloadedEvent):
        problems = [text(problem) for problem in data.problems]
        return _signal(ROOT_PATH, MANAGER, "Reloaded", "bsas", not problems, text(data.summary), problems)
    return None


def _signal(path: str, interface: str, member: str, signature: str, *body: Any) -> Message:
    return Message.new_signal(path, interface, member, signature, list(body))
