"""The viewer page in Chromium, in a room of a real livekit-server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lkedge.viewer.server import ViewerServer, has_bundle
from tests.browser.chromium import Page
from tests.sfu.conftest import pytest_runtest_makereport, room_name, sfu, shared_sfu, start_sfu
from tests.sfu.harness.sfu import Sfu

__all__ = ["pytest_runtest_makereport", "room_name", "sfu", "shared_sfu", "start_sfu"]


@pytest.fixture
def artifacts(request: pytest.FixtureRequest) -> Path:
    """Where screenshots of the test are kept, to be looked at."""
    name: str = request.node.name
    return Path(__file__).parent / "artifacts" / name.replace("/", "-")


@pytest.fixture
def viewer(sfu: Sfu, room_name: str) -> Iterator[ViewerServer]:
    """The page's server, for the test's room."""
    if not has_bundle():
        pytest.fail("livekit-client is missing: run `make test`, or tools/setup-viewer.sh", pytrace=False)
    server = ViewerServer(lambda: {"url": sfu.url, "token": sfu.token("viewer", room_name), "room": room_name})
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def page(viewer: ViewerServer) -> AsyncIterator[Page]:
    """The page, open and connected."""
    async with Page() as opened:
        await opened.open(viewer.url)
        await opened.wait_for("document.body.dataset.state === 'connected'")
        yield opened
