"""`python -m lkedge` is the same as `lkedge`."""

from __future__ import annotations

import sys

from lkedge.cli import main

sys.exit(main())
