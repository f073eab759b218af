"""Tests with the markers `device` and `service` are left out unless asked for, since they need the labs.

Those of tests/device and tests/service drive a lab and run with `-m device` or `-m service`; the device tests of
plugins/*/tests run inside the device lab, where LKEDGE_LAB=guest.
"""

from __future__ import annotations

import os

import pytest

from lkedge.testing.lab import LabDevices

collect_ignore = ["plugins/_template"]
"""It is tested under another name, by tests/test_template.py."""

LABS = {"device": "virtual devices", "service": "a booted Debian"}
LEFT_OUT: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()


@pytest.fixture
def lab_devices() -> LabDevices:
    """The virtual devices by name; only tests with the marker `device` may ask for it."""
    return LabDevices()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the labs out that cannot run here."""
    left_out = [
        item for item in items if any(item.get_closest_marker(lab) and not _can_run(config, item, lab) for lab in LABS)
    ]
    items[:] = [item for item in items if item not in left_out]
    config.stash[LEFT_OUT] = left_out
    config.hook.pytest_deselected(items=left_out)


def _can_run(config: pytest.Config, item: pytest.Item, lab: str) -> bool:
    if item.path.is_relative_to(config.rootpath / "plugins"):
        return os.environ.get("LKEDGE_LAB") == "guest"
    return lab in (config.option.markexpr or "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how to run them."""
    left_out = config.stash.get(LEFT_OUT, [])
    for lab, needs in LABS.items():
        if count := sum(item.get_closest_marker(lab) is not None for item in left_out):
            terminalreporter.write_line(f"{count} tests with {needs} left out; to run them: make test-{lab}")
