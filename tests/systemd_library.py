"""For tests of what lkedge says to systemd."""

from __future__ import annotations

import importlib.util

import pytest

# The units' folder in the checkout is a package `systemd`, too, but an empty one.
HAS_LIBRARY = importlib.util.find_spec("systemd") is not None and importlib.util.find_spec("systemd.daemon") is not None

needs_systemd_python = pytest.mark.skipif(
    not HAS_LIBRARY,
    reason="systemd-python is missing: apt install libsystemd-dev pkg-config gcc, then tools/setup-venv.sh --dev",
)
