"""A real livekit-server for the tests of this folder and of tests/browser."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lkedge.demo import livekit_server
from tests.sfu.harness.sfu import RoomService, Sfu

MAKE_IT = "run `make test`, or tools/setup-livekit-server.sh"
_numbers = itertools.count()


def server_binary(version: str | None = None) -> Path:
    """The livekit-server to test against; a missing one is an error, never a skip."""
    found = livekit_server.find(version)
    if found is None:
        pytest.fail(f"no livekit-server {version or livekit_server.VERSION}: {MAKE_IT}", pytrace=False)
    return found


@pytest.fixture(scope="session")
def shared_sfu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sfu]:
    """One server for all tests that leave it as it was; Dynacast pauses after 1 s instead of 5."""
    sfu = Sfu(server_binary(livekit_server.VERSION), tmp_path_factory.mktemp("livekit-server"))
    asyncio.run(sfu.start())
    yield sfu
    asyncio.run(sfu.stop())


@pytest.fixture
def sfu(shared_sfu: Sfu, request: pytest.FixtureRequest) -> Sfu:
    """The shared server; its log is shown when the test fails."""
    request.node.stash[SFUS] = [shared_sfu]
    return shared_sfu


@pytest.fixture
async def start_sfu(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Any]]:
    """`await start_sfu(version=None, dynacast_pause_delay_s=1.0, **config sections)`: servers of the test's own."""
    started: list[Sfu] = request.node.stash.setdefault(SFUS, [])

    async def start(version: str | None = livekit_server.VERSION, **settings: Any) -> Sfu:
        folder = tmp_path / f"server-{next(_numbers)}"
        folder.mkdir()
        sfu = Sfu(server_binary(version), folder, **settings)
        started.append(sfu)
        await sfu.start()
        return sfu

    yield start
    for sfu in started:
        await sfu.stop()


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())[:40]}-{next(_numbers)}"


@pytest.fixture
async def room_service(sfu: Sfu, room_name: str) -> AsyncIterator[RoomService]:
    """The shared server's RoomService for the test's room."""
    async with sfu.room_service(room_name) as service:
        yield service


SFUS: pytest.StashKey[list[Sfu]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of its servers' logs."""
    report = yield
    if report.failed:
        for sfu in item.stash.get(SFUS, []):
            report.sections.append((f"livekit-server log ({sfu.server.log_path})", sfu.server.log_tail()))
    return report
