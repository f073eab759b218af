"""What the journal is told of one track, with the fields to find it by."""

from __future__ import annotations

import logging

from lkedge.journal import MessageId, event
from lkedge.terms import Rid

logger = logging.getLogger(__name__)


class TrackLog:
    """Says each thing when it is told to; whether it is news is the caller's to know."""

    def __init__(self, track: str) -> None:
        self._track = track

    def opened(self, source: str, what: str) -> None:
        """The first opening. what: size, rate and layers."""
        logger.info("%s: source %s is open: %s", self._track, source, what, extra=event(track=self._track))

    def source_lost(self, reason: str) -> None:
        """It could not be opened, or is gone."""
        logger.warning("%s: %s", self._track, reason, extra=event(MessageId.SOURCE_LOST, track=self._track))

    def back(self, source: str) -> None:
        """What had failed works again."""
        extra = event(MessageId.SOURCE_BACK, track=self._track)
        logger.info("%s: source %s is back", self._track, source, extra=extra)

    def encoder_failed(self, rid: Rid, reason: str) -> None:
        """No encoder can do this layer now."""
        logger.warning("%s: %s", self._track, reason, extra=event(track=self._track, rid=rid))

    def worker_died(self, reason: str) -> None:
        """The process, or thread, is replaced."""
        extra = event(MessageId.WORKER_DIED, track=self._track)
        logger.warning("%s: worker died (%s); it is started again", self._track, reason, extra=extra)
