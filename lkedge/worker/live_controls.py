"""The live side of an open source: its controls and its condition, told and set between its reads."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from lkedge.clock import SECOND_NS
from lkedge.plugin.api import Control, ControlValue, Source
from lkedge.worker.control_list import one_line, sendable
from lkedge.worker.events import ControlRefused, ControlSet, ControlsListed, SourceCondition, SourceEvent
from lkedge.worker.messages import SetControl
from lkedge.worker.sentence import describe

logger = logging.getLogger(__name__)

LIST_INTERVAL_NS = SECOND_NS // 2
"""Reading all controls of a device may take milliseconds."""

LISTS_PER_CHANGE = 2
"""Some devices show a new value only some pictures after it was set."""

MAX_WAITING = 64


class LiveControls:
    """Belongs to the capture thread; only `ask` may come from another.

    report: takes the events, in the calling thread.
    """

    def __init__(self, name: str, report: Callable[[SourceEvent], None]) -> None:
        self._name = name
        self._report = report
        self._values: dict[str, ControlValue] = {}
        self._lock = threading.Lock()
        self._is_accepting = False
        self._requests: deque[SetControl] = deque()
        self._condition = ""
        self._listed: tuple[Control, ...] = ()
        self._lists_due = 0
        self._list_after_ns = 0
        self._problem = ""

    def restore(self, values: Mapping[str, ControlValue]) -> None:
        """Set these at every opening, in this order. Call before the thread starts."""
        self._values = dict(values)

    def ask(self, command: SetControl) -> None:
        """Have a control set before the next read. What is asked of a source that is not open is refused."""
        with self._lock:
            is_accepting = self._is_accepting
            is_taken = is_accepting and len(self._requests) < MAX_WAITING
            if is_taken:
                self._requests.append(command)
        if not is_taken:
            reason = "too many other requests wait" if is_accepting else "the source is not open"
            self._refuse(command, f"{self._name}: control {command.name!r} cannot be set: {reason}; try again later")

    def opening(self) -> None:
        """The source is being opened: what is asked from now on waits for that."""
        with self._lock:
            self._is_accepting = True

    def opened(self, source: Source) -> None:
        """Set again what was set before, then tell what there is."""
        self._list_after_ns = 0
        self._lists_due = LISTS_PER_CHANGE if self._values else 1
        for name, value in tuple(self._values.items()):
            self._try(source, SetControl(name, value, 0))
        self.after_read(source)

    def after_read(self, source: Source) -> None:
        """Do what was asked, and tell what has changed. Once per frame, so it does nothing most of the time."""
        if self._requests:
            self._execute(source)
        if source.condition != self._condition:
            self._tell_condition(one_line(source.condition))
        if self._lists_due and time.monotonic_ns() >= self._list_after_ns:
            self._list(source)

    def closed(self) -> None:
        """The source is closed, whatever the reason: refuse what still waits, and show nothing any more."""
        with self._lock:
            self._is_accepting = False
            waiting = tuple(self._requests)
            self._requests.clear()
        for command in waiting:
            self._refuse(command, f"{self._name}: control {command.name!r} was not set: the source closed before")
        self._lists_due = 0
        self._tell_condition("")
        self._tell_controls(())

    def _execute(self, source: Source) -> None:
        for _ in range(len(self._requests)):
            command = self._requests.popleft()
            if self._try(source, command):
                self._values.pop(command.name, None)
                self._values[command.name] = command.value
                self._report(ControlSet(command.name, command.value, command.request))
        self._lists_due = LISTS_PER_CHANGE

    def _try(self, source: Source, command: SetControl) -> bool:
        """Whatever a plugin raises here is a refusal; a device that has gone shows at the next read."""
        try:
            source.set_control(command.name, command.value)
        except Exception as error:
            logger.debug("%s: %r was refused", self._name, command, exc_info=error)
            self._refuse(command, describe(self._name, error))
            return False
        return True

    def _refuse(self, command: SetControl, reason: str) -> None:
        self._report(ControlRefused(command.name, reason, command.request))

    def _tell_condition(self, condition: str) -> None:
        if condition != self._condition:
            self._condition = condition
            self._lists_due = LISTS_PER_CHANGE
            self._report(SourceCondition(condition))

    def _list(self, source: Source) -> None:
        self._lists_due -= 1
        self._list_after_ns = time.monotonic_ns() + LIST_INTERVAL_NS
        try:
            controls, problem = sendable(source.controls())
        except Exception as error:
            controls, problem = (), f"its controls cannot be listed: {describe(self._name, error)}"
        if problem and problem != self._problem:
            logger.warning("source %s: %s", self._name, problem)
        self._problem = problem
        self._tell_controls(controls)

    def _tell_controls(self, controls: tuple[Control, ...]) -> None:
        if controls != self._listed:
            self._listed = controls
            self._report(ControlsListed(controls))
