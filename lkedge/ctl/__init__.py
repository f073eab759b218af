"""`lkedgectl`: shows and controls a running daemon over its control socket.

Only the standard library, and little of it: it starts in the time of the interpreter.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from lkedge.ctl.address import socket_path
from lkedge.ctl.client import Client
from lkedge.ctl.errors import EX_FAILED, EX_INTERRUPTED, CtlError
from lkedge.ctl.parser import build_parser
from lkedge.ctl.tables import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
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
    except KeyboardInterrupt:
        return EX_INTERRUPTED
    except BrokenPipeError:
        return _closed_output()
    return status


def _closed_output() -> int:
    """The reader of our output (`| head`) has gone; keep Python from complaining when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EX_FAILED
