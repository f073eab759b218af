"""A bus of its own for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.private_bus import PrivateBus


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    """A running dbus-daemon, which the daemon takes for the system bus."""
    bus = PrivateBus()
    bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    yield bus
    bus.remove()
