"""Tests with the marker `device` are left out unless asked for, since they need the virtual machine of the device lab.

Those of tests/device drive it and run with `-m device`; those of plugins/*/tests run inside it, where LKEDGE_LAB=guest.
"""

from __future__ import annotations

import os

import pytest

from lkedge.testing.lab import LabDevices

LEFT_OUT: pytest.StashKey[int] = pytest.StashKey()


@pytest.fixture
def lab_devices() -> LabDevices:
    """The virtual devices by name; only tests with the marker `device` may ask for it."""
    return LabDevices()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the device tests out that cannot run here."""
    left_out = [item for item in items if item.get_closest_marker("device") and not _can_run(config, item)]
    items[:] = [item for item in items if item not in left_out]
    config.stash[LEFT_OUT] = len(left_out)
    config.hook.pytest_deselected(items=left_out)


def _can_run(config: pytest.Config, item: pytest.Item) -> bool:
    if item.path.is_relative_to(config.rootpath / "plugins"):
        return os.environ.get("LKEDGE_LAB") == "guest"
    return "device" in (config.option.markexpr or "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how to run them."""
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"{count} tests with virtual devices left out; to run them: make test-device")
