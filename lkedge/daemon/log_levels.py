"""What is logged, seen and changed while the daemon runs. Workers follow when they are started again."""

from __future__ import annotations

import logging

from lkedge.control.errors import Code, ControlError
from lkedge.log import LEVELS, ROOT

MAX_LEVELS = 64

_NAMES = {level: name for name, level in LEVELS.items()}


def log_levels() -> dict[str, str]:
    """By logger, those that were set; "" is the general one."""
    loggers = logging.root.manager.loggerDict
    ours = {name: one for name, one in loggers.items() if isinstance(one, logging.Logger) and _is_ours(name)}
    levels = {name: _NAMES[one.level] for name, one in ours.items() if one.level in _NAMES}
    return {"": _NAMES.get(logging.getLogger(ROOT).level, "info"), **levels}


def set_log_level(level: str, name: str) -> None:
    """name: "" for the general level, else a module: "rtc.ice" or "lkedge.rtc.ice".

    Raises:
        ControlError: too many modules have a level of their own.
    """
    full = name if not name or name == ROOT or _is_ours(name) else f"{ROOT}.{name}"
    levels = log_levels()
    if full not in levels and len(levels) >= MAX_LEVELS:
        raise ControlError(Code.INVALID_ARGUMENT, f"{MAX_LEVELS} modules have a log level of their own already")
    logging.getLogger(full or ROOT).setLevel(LEVELS[level])


def _is_ours(name: str) -> bool:
    return name.startswith(f"{ROOT}.")
