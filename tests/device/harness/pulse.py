"""Notices when the whole machine stands still, as an emulated one does while its host is busy.

It has nothing else to do, so when it wakes late, nobody else was quicker. Writes a line for each time: how late, in
milliseconds. Usage: pulse.py FILE
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

INTERVAL_S = 0.1
TOLERATED_S = 0.2


def main(path: Path) -> None:
    with path.open("w") as file:
        before = time.monotonic()
        while True:
            time.sleep(INTERVAL_S)
            now = time.monotonic()
            if now - before > INTERVAL_S + TOLERATED_S:
                print(round((now - before - INTERVAL_S) * 1000), file=file, flush=True)
            before = now


if __name__ == "__main__":
    main(Path(sys.argv[1]))
