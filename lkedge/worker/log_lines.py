"""What worker processes say, in the daemon's log."""

from __future__ import annotations

import logging

from lkedge import journal
from lkedge.worker.messages import LogLine

logger = logging.getLogger(__name__)


def log_line(track: str, line: LogLine) -> None:
    """Log it as of the track. Whether its level is wanted has been decided in the worker, by logger."""
    extra = journal.fields_of(line.fields) | journal.event(track=track)
    args = (track, line.text)
    logger.handle(
        logger.makeRecord(logger.name, line.level, __file__, 0, "%s: %s", args, None, log_line.__name__, extra)
    )
