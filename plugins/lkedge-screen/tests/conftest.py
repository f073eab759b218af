"""The X server of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from xvfb import Painter, Xvfb


@pytest.fixture(scope="module")
def server() -> Iterator[Xvfb]:
    server = Xvfb("641x363x24")
    yield server
    server.end()


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Xvfb]:
    """One that cannot share memory."""
    server = Xvfb("640x360x24", ["-extension", "MIT-SHM"])
    yield server
    server.end()


@pytest.fixture
def painter(server: Xvfb) -> Iterator[Painter]:
    painter = Painter(server.number)
    painter.fill(0, 0, 0, 641, 363)
    yield painter
    painter.end()
