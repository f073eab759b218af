"""Prints what lkedge and its plugins need from PyPI, one requirement per line: the lab's own venv has just that.

Extras of a plugin are included: the lab tests what they make possible. Usage: requirements.py CHECKOUT
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

OF_THE_TESTS = ("numpy", "pytest", "pytest-asyncio", "pytest-timeout", "livekit")
SEPARATE = ("picamera2", "systemd-python")
"""Installed apart, since they may fail; python3-systemd of Debian is there already."""


def requirements(checkout: Path) -> list[str]:
    """Sorted, without those of the checkout itself."""
    projects = [checkout / "pyproject.toml", *checkout.glob("plugins/lkedge-*/pyproject.toml")]
    found = {text for project in projects for text in _of(tomllib.loads(project.read_text())["project"])}
    return sorted(found | set(OF_THE_TESTS))


def _of(project: dict[str, object]) -> list[str]:
    extras = project.get("optional-dependencies", {})
    lists = [project.get("dependencies", []), *(extras.values() if isinstance(extras, dict) else [])]
    texts = [text for one in lists if isinstance(one, list) for text in one]
    return [text for text in texts if not _name(text).startswith("lkedge") and _name(text) not in SEPARATE]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


if __name__ == "__main__":
    print(*requirements(Path(sys.argv[1])), sep="\n")
