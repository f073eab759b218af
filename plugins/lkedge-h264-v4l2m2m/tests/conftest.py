"""The folder of the fakes on the import path, and encoders on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from encoder_rig import Rig


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Rig]:
    """Makes encoders on a fake kernel and closes them at the end."""
    from encoder_rig import Rig

    rig = Rig(tmp_path / "claims")
    yield rig
    rig.close()
