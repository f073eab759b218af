"""`python -m lkedge.worker FD PARENT`: a worker process, see `lkedge.worker.process`.

What it imports stays; the garbage is not looked for in it meanwhile, which is a tenth of the start.
"""

from __future__ import annotations

import gc

gc.disable()

from lkedge.worker.process import main  # noqa: E402

main()
