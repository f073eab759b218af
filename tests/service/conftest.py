"""Booted Debians with the package installed, and a livekit-server outside."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lkedge.demo import livekit_server
from tests.service.harness.machine import Machine, lab_folder
from tests.service.harness.packages import find_package, install
from tests.service.harness.service import Service
from tests.sfu.harness.sfu import Sfu

TEST_DEADLINE_S = 300.0
SUITES = ("trixie", "bookworm")
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A boot and an installation count for the first test."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TEST_DEADLINE_S))


@pytest.fixture(scope="session")
def lab() -> Path:
    """The folder with the roots and packages."""
    if os.geteuid() != 0:
        pytest.fail("the service lab needs root, to boot a Debian in a container: run make test-service as root")
    return lab_folder()


@pytest.fixture(scope="session", params=SUITES)
def any_machine(request: pytest.FixtureRequest, lab: Path) -> Iterator[Machine]:
    """A machine with the package, for all tests that leave it as it was; on every release."""
    yield from _installed(lab, request.param)


@pytest.fixture(scope="session")
def trixie_machine(lab: Path) -> Iterator[Machine]:
    """The same on trixie alone."""
    yield from _installed(lab, "trixie")


def _installed(lab: Path, suite: str) -> Iterator[Machine]:
    with ExitStack() as stack:
        machine = _booted(lab, suite, stack)
        install(machine, find_package(lab, suite, "amd64"))
        yield machine


@pytest.fixture(params=SUITES)
def fresh(request: pytest.FixtureRequest, lab: Path) -> Iterator[tuple[Machine, Path]]:
    """A machine of the test's own without lkedge, and the package for it, on every release."""
    with ExitStack() as stack:
        yield _booted(lab, request.param, stack), find_package(lab, request.param, "amd64")


def _booted(lab: Path, suite: str, stack: ExitStack) -> Machine:
    machine = Machine(lab / f"{suite}-amd64")
    stack.callback(machine.stop)
    machine.wait_ready()
    return machine


@pytest.fixture(scope="session")
def service_sfu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sfu]:
    """A livekit-server on the loop-back that host and machines share."""
    binary = livekit_server.find(livekit_server.VERSION)
    if binary is None:
        pytest.fail("no livekit-server: run `make test-service`, or tools/setup-livekit-server.sh", pytrace=False)
    sfu = Sfu(binary, tmp_path_factory.mktemp("livekit-server"))
    asyncio.run(sfu.start())
    yield sfu
    asyncio.run(sfu.stop())


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())[:40]}-{next(_numbers)}"


@pytest.fixture
def service(trixie_machine: Machine, service_sfu: Sfu, room_name: str) -> Iterator[Service]:
    """The service on trixie, stopped and configured; the test starts it."""
    yield from _service(trixie_machine, service_sfu, room_name)


@pytest.fixture
def any_service(any_machine: Machine, service_sfu: Sfu, room_name: str) -> Iterator[Service]:
    """The same on every release."""
    yield from _service(any_machine, service_sfu, room_name)


def _service(machine: Machine, sfu: Sfu, room: str) -> Iterator[Service]:
    service = Service(machine, sfu, room)
    service.configure()
    try:
        yield service
    finally:
        print(service.journal("-n", "80"))
        service.stop()
