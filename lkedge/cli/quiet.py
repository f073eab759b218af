"""Commands whose output says what the log would say once more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """lkedge logs nothing below critical meanwhile."""
    logger = logging.getLogger("lkedge")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
