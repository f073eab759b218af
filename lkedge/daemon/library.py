"""systemd-python, imported only where systemd has started us."""

from __future__ import annotations

import functools
import logging
from typing import Any

logger = logging.getLogger(__name__)


@functools.cache
def systemd_daemon() -> Any | None:
    """The module `systemd.daemon`; None, and one warning, where it cannot be imported."""
    try:
        import systemd.daemon as library
    except ImportError as error:
        logger.warning(
            "systemd has started lkedge but is told nothing, and may end it for that: %s"
            " (`apt install python3-systemd`, or `pip install 'lkedge[systemd]'`)",
            error,
        )
        return None
    return library
