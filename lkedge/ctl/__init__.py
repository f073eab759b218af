"""`lkedgectl`: shows and controls a running daemon over its control socket.

Only the standard library, and little of it: it starts in the time of the interpreter.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. argv: None for the process's own, which Ctrl-C then ends at once."""
    if argv is None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    # Only now: until a signal has its meaning, nothing that takes time is imported.
    from lkedge.ctl.address import socket_path
    from lkedge.ctl.client import Client
    from lkedge.ctl.errors import CtlError
    from lkedge.ctl.parser import build_parser
    from lkedge.ctl.tables import printable

    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding has no letters for is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
    client = Client(socket_path(getattr(args, "socket", None), getattr(args, "instance", None)))
    try:
        status = int(args.run(client, args))
        sys.stdout.flush()
    except CtlError as error:
        print("lkedgectl:", "\n".join(map(printable, str(error).split("\n"))), file=sys.stderr)
        return error.status
    except BrokenPipeError:
        return _closed_output()
    return status


def _closed_output() -> int:
    """The reader of our output (`| head`) has gone; keep Python from complaining when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
