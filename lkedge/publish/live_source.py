"""The source of a track as its worker tells of it: whether it is open, its condition, its controls, its pictures."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.publish.snapshots import SnapshotRequests, SnapshotTarget
from lkedge.worker import events

logger = logging.getLogger(__name__)

ANSWER_DEADLINE_S = 3.0
MAX_WAITING = 16
MAX_NAME_LENGTH = 64
MAX_TEXT_LENGTH = 128
MAX_INTEGER = 2**63


class ControlTarget(SnapshotTarget, Protocol):
    """WorkerHost, as far as it is needed here."""

    def set_control(self, name: str, value: ControlValue) -> int: ...


class LiveSource:
    """Owned by the event loop.

    is_open: whether the device is in use, whatever the plan wants.
    condition: why there is nothing real to see or hear although the source works, such as
        "no signal"; "" while all is well or the source is closed.
    controls: of the open source, as last told; none while it is closed.
    snapshots: pictures of it on demand.
    stats: what its worker has last told of its work.
    changed: called when one of the first three is another one.
    """

    def __init__(self, track: str, target: ControlTarget, changed: Callable[[], None]) -> None:
        self._track = track
        self._target = target
        self._changed = changed
        self._waiting: dict[int, asyncio.Future[ControlValue]] = {}
        self.is_open = False
        self.condition = ""
        self.controls: tuple[Control, ...] = ()
        self.snapshots = SnapshotRequests(track, target)
        self.stats = events.WorkerStats()

    def take(self, event: events.WorkerEvent) -> None:
        """An event of the worker; others than those on the source, and answers, are left alone."""
        match event:
            case events.SourceOpened():
                self._set_open(True)
            case events.SourceClosed() | events.SourceFailed() | events.SourceFinished():
                self._set_open(False)
            case events.SourceCondition(text=text):
                self._set_condition(text)
            case events.ControlsListed(controls=controls):
                self._set_controls(controls)
            case events.ControlSet():
                if future := self._take_waiting(event.request):
                    future.set_result(event.value)
            case events.ControlRefused():
                self._refused(event)
            case events.SnapshotTaken() | events.SnapshotRefused():
                self.snapshots.answer(event)
            case events.WorkerStats():
                self.stats = event
            case events.WorkerDied():
                self._lost(event)

    async def set_control(self, name: str, value: ControlValue) -> Control:
        """Set one control of the open source, and have it set again whenever the source is opened anew.

        Returns:
            The control with the value that was set; `controls` tells a moment later what the device made of it.

        Raises:
            SourceError: it was refused, or not answered within 3 s; the message says why.
        """
        if problem := _problem(name, value):
            raise SourceError(f"{self._track}: {problem}")
        if len(self._waiting) >= MAX_WAITING:
            raise SourceError(f"{self._track}: control {name!r} cannot be set: {MAX_WAITING} others wait; try later")
        taken = await self._answer(name, self._target.set_control(name, value))
        return self._with_value(name, taken)

    async def _answer(self, name: str, request: int) -> ControlValue:
        future: asyncio.Future[ControlValue] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                return await future
        except TimeoutError as error:
            raise SourceError(
                f"{self._track}: the source did not answer within {ANSWER_DEADLINE_S:g} s whether control {name!r} is "
                "set; look at its value before trying again"
            ) from error
        finally:
            self._waiting.pop(request, None)

    def _take_waiting(self, request: int) -> asyncio.Future[ControlValue] | None:
        """Who waits for this answer; None when nobody does any more."""
        future = self._waiting.pop(request, None)
        return future if future is not None and not future.done() else None

    def _with_value(self, name: str, value: ControlValue) -> Control:
        for control in self.controls:
            if control.name == name:
                return replace(control, value=value)
        return Control(name, _kind_of(value), value)

    def _set_open(self, is_open: bool) -> None:
        if is_open != self.is_open:
            self.is_open = is_open
            self._changed()

    def _set_condition(self, condition: str) -> None:
        if condition == self.condition:
            return
        verb, text = ("says", condition) if condition else ("no longer says", self.condition)
        logger.info("%s: the source %s: %s", self._track, verb, text)
        self.condition = condition
        self._changed()

    def _set_controls(self, controls: tuple[Control, ...]) -> None:
        if controls != self.controls:
            self.controls = controls
            self._changed()

    def _refused(self, event: events.ControlRefused) -> None:
        if future := self._take_waiting(event.request):
            future.set_exception(SourceError(f"{self._track}: {event.reason}"))
        elif not event.request:
            logger.warning("%s: a control that was set before is not set now: %s", self._track, event.reason)

    def _lost(self, event: events.WorkerDied) -> None:
        """The worker died, and with it the open source."""
        for request in tuple(self._waiting):
            if future := self._take_waiting(request):
                future.set_exception(
                    SourceError(f"{self._track}: the worker died before the control was set; try again")
                )
        self.snapshots.answer(event)
        self._set_open(False)
        self._set_condition("")
        self._set_controls(())


def _problem(name: str, value: object) -> str:
    """Why this cannot be sent at all; "" when it can."""
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        return f"there is no control {name[:MAX_NAME_LENGTH]!r}"
    if _is_sendable(value):
        return ""
    allowed = f"a boolean, a finite number or a text of at most {MAX_TEXT_LENGTH} characters"
    return f"control {name!r} cannot be {str(value)[:40]!r}; allowed is {allowed}"


def _is_sendable(value: object) -> bool:
    match value:
        case bool():
            return True
        case int():
            return abs(value) < MAX_INTEGER
        case float():
            return math.isfinite(value)
        case str():
            return len(value) <= MAX_TEXT_LENGTH
    return False


def _kind_of(value: ControlValue) -> ControlKind:
    kinds = {bool: ControlKind.BOOLEAN, int: ControlKind.INTEGER, float: ControlKind.NUMBER, str: ControlKind.TEXT}
    return kinds[type(value)]
