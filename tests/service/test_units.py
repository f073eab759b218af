"""The units as systemd sees them, on the oldest and the newest release."""

from __future__ import annotations

import re

import pytest

from tests.service.harness.service import Service

UNITS = ["lkedge.service", "lkedge.socket", "lkedge@yard.service", "lkedge@yard.socket"]
MOST_EXPOSED = 1.8


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong(any_service: Service, unit: str) -> None:
    done = any_service.machine.run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, complaints(done.output)) == (0, [])


@pytest.mark.parametrize("unit", ["lkedge.service", "lkedge@yard.service"])
def test_hardly_anything_is_exposed(any_service: Service, unit: str) -> None:
    done = any_service.machine.run("systemd-analyze", "security", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.output)
    assert found, done.output
    assert float(found[1]) <= MOST_EXPOSED, done.output


def test_the_catalog_explains_messages(any_service: Service) -> None:
    listed = any_service.machine.run("journalctl", "--list-catalog", "--no-pager").check().stdout
    assert listed.lower().count("lkedge") >= 5


def complaints(text: str) -> list[str]:
    """What verify says of our units; those of the release have faults of their own."""
    return [line for line in text.splitlines() if "lkedge" in line]
