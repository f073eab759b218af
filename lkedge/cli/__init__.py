"""The command line; `lkedge.cli.program` has it all. Here is only its beginning, before anything large is imported."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. argv: None for the process's own, which Ctrl-C may then end at once."""
    if argv is None:
        # As SIGTERM does. What has to be put in order later stands in `lkedge.interrupts`.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lkedge.cli import program

    return program.run(sys.argv[1:] if argv is None else argv)
