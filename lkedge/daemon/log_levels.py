"""What is logged, seen and changed while the daemon runs. Workers follow: `Publisher.follow_log_levels`."""

from __future__ import annotations

import logging

from lkedge.control.errors import Code, ControlError
from lkedge.log import LEVELS, ROOT, logger_name
from lkedge.worker.log_levels import levels

MAX_LEVELS = 64

_NAMES = {level: name for name, level in LEVELS.items()}


def log_levels() -> dict[str, str]:
    """By logger, those that were set; "" is the general one."""
    told = {name: _NAMES[level] for name, level in levels().items() if level in _NAMES}
    return {"": told.pop(ROOT, "info"), **told}


def set_log_level(level: str, name: str) -> None:
    """name: "" for the general level, else a module: "rtc.ice", "lkedge.rtc.ice" or, of a plugin, "lkedge_v4l2".

    Raises:
        ControlError: too many modules have a level of their own.
    """
    full = logger_name(name) if name else ""
    told = log_levels()
    if full not in told and len(told) >= MAX_LEVELS:
        raise ControlError(Code.INVALID_ARGUMENT, f"{MAX_LEVELS} modules have a log level of their own already")
    logging.getLogger(full or ROOT).setLevel(LEVELS[level])
