"""One machine for all tests of this folder with this checkout's wheels, and a livekit-server outside."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge.demo import livekit_server
from tests.device.harness.guest import Guest
from tests.device.harness.machine import HOST_ADDRESS, image_folder
from tests.device.harness.packages import install, shared_wheels
from tests.finished import LabError
from tests.sfu.harness.sfu import Sfu

TEST_DEADLINE_S = 900.0

NOT_BOOTED = "LKEDGE_LAB_NOT_BOOTED"
"""A folder for reports of machines that cannot be booted here; for tools/test-device.sh these are no failed tests."""
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An emulated machine is slow, and its boot counts for the first test."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.timeout(TEST_DEADLINE_S))


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The booted machine with lkedge and its plugins; each process of pytest-xdist has its own."""
    guest = Guest(image_folder())
    try:
        wheels = shared_wheels(_folder_of_all(tmp_path_factory))
        _wait_ready(guest)
        install(guest, wheels)
        yield guest
    finally:
        guest.stop()


def _folder_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all processes of this run."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def _wait_ready(guest: Guest) -> None:
    try:
        guest.wait_ready()
    except LabError as error:
        if reports := os.environ.get(NOT_BOOTED):
            (Path(reports) / str(os.getpid())).write_text(str(error))
        raise


@pytest.fixture(scope="session")
def lab_sfu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sfu]:
    """A livekit-server on the host's loop-back that offers the address by which the guest reaches it."""
    binary = livekit_server.find(livekit_server.VERSION)
    if binary is None:
        pytest.fail("no livekit-server: run `make test-device`, or tools/setup-livekit-server.sh", pytrace=False)
    sfu = Sfu(binary, tmp_path_factory.mktemp("livekit-server"), rtc={"node_ip": HOST_ADDRESS})
    asyncio.run(sfu.start())
    yield sfu
    asyncio.run(sfu.stop())


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())[:40]}-{next(_numbers)}"
