"""`python -m lkedge.ctl`."""

from __future__ import annotations

import sys

from lkedge.ctl import main

sys.exit(main())
