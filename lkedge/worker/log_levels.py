"""The log levels of the daemon, which its worker processes follow."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from lkedge.log import ROOT, is_ours


def levels() -> dict[str, int]:
    """By logger, those of ours and of plugins that were set in this process; ROOT has the general one."""
    loggers = logging.root.manager.loggerDict
    set_ones = {
        name: one.level for name, one in loggers.copy().items() if isinstance(one, logging.Logger) and one.level
    }
    ours = {name: level for name, level in set_ones.items() if is_ours(name)}
    return {ROOT: logging.getLogger(ROOT).getEffectiveLevel(), **ours}


def follow(levels: Mapping[str, int]) -> None:
    """In a worker process, where the general level is that of every library."""
    for name, level in levels.items():
        logging.getLogger(None if name == ROOT else name).setLevel(level)
