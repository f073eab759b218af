"""docs/dbus.md names every member of the bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.control.dbus_interfaces import INTERFACES
from lkedge.control.errors import Code

PAGE = (Path(__file__).resolve().parents[3] / "docs/dbus.md").read_text()


@pytest.mark.parametrize("interface", INTERFACES.values(), ids=lambda one: str(one.name))
def test_every_member_is_documented(interface: object) -> None:
    members = [*interface.methods, *interface.signals]  # type: ignore[attr-defined]
    assert [one.name for one in members if f"`{one.name}`" not in PAGE] == []


def test_every_error_is_documented() -> None:
    assert [code for code in Code if f"`{code.dbus_name.rpartition('.')[2]}`" not in PAGE] == []
