#!/usr/bin/env python3
"""Writes etc/dbus-1/interfaces/*.xml from the table of commands. Run with .venv/bin/python."""

from __future__ import annotations

from pathlib import Path

from lkedge.control.dbus_interfaces import INTERFACES
from lkedge.control.dbus_xml import interface_file

FOLDER = Path(__file__).resolve().parent.parent / "etc/dbus-1/interfaces"


def files() -> dict[Path, str]:
    """What each file has to be."""
    return {FOLDER / f"{name}.xml": interface_file(interface) for name, interface in INTERFACES.items()}


def main() -> None:
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
