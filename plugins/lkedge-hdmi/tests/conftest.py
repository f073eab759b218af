"""The folders of the fakes on the import path: ours, and that of the package that this one builds on."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "lkedge-v4l2" / "tests")]
