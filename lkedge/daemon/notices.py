"""Tells whoever listens, such as the interfaces of control, that something is different."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lkedge.control.target import ControlChanged, Listener, Notice, StatusChanged
from lkedge.plugin.api import Control
from lkedge.publish.publication import Publication

logger = logging.getLogger(__name__)


class Notices:
    """Owned by the event loop."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._controls: dict[str, dict[str, Control]] = {}

    def add(self, listener: Listener) -> None:
        """Call it with every notice from now on."""
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        """Call it no more. One that was not added is left alone."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, notice: Notice) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(notice)
            except Exception:
                logger.exception("a listener failed on %s", type(notice).__name__)

    def look(self, publications: Iterable[Publication]) -> None:
        """The status may differ; so may the controls of open sources. Controls of a closed one are no news."""
        if not self._listeners:
            return
        self.tell(StatusChanged())
        for publication in publications:
            if publication.controls:
                self._compare(publication.name, publication.controls)

    def _compare(self, track: str, controls: Iterable[Control]) -> None:
        now = {control.name: control for control in controls}
        before = self._controls.get(track)
        self._controls[track] = now
        if before is None:
            return
        for name, control in now.items():
            if before.get(name) != control:
                self.tell(ControlChanged(track, control))
