"""Commands set the level of the log for their process, which here is that of all other tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    logger = logging.getLogger("lkedge")
    level = logger.level
    yield
    logger.setLevel(level)
