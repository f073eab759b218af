"""`lkedge demo`: a test picture and a tone in a room, a page to watch them, and a live table."""

from __future__ import annotations

import argparse
from typing import Any

from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS

DESCRIPTION = """\
Publish a test picture in three simulcast layers and a tone, print the address of a page
that shows them, and a live table of the layers. Layers that nobody watches are stopped
(Dynacast): hide the video in the page and see them go.
"""

EPILOG = """\
the room:
  LIVEKIT_URL with LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or with LIVEKIT_TOKEN
  (and LIVEKIT_VIEWER_TOKEN for the page); LIVEKIT_ROOM names the room.
  Otherwise a livekit-server on this machine's loop-back: from the PATH, from the cache
  in ~/.cache/lkedge, or built with Go, once.

examples:
  lkedge demo
  lkedge demo --codec h264
  lkedge demo --seconds 20 --json            unattended; exit status 0 if all was published
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser("demo", help=COMMANDS["demo"], description=DESCRIPTION, **raw_help(EPILOG))
    parser.add_argument("--seconds", type=_positive, metavar="N", help="end by itself after N seconds")
    parser.add_argument("--json", action="store_true", help="print one machine-readable result at the end")
    parser.add_argument("--no-browser-page", action="store_true", help="do not serve the page")
    parser.add_argument("--codec", choices=("vp8", "h264"), default="vp8", help="of the picture (default: vp8)")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="warning", help="default: warning"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it; 0 when everything was published at the end."""
    from lkedge import log
    from lkedge.demo.run import DemoOptions, run_demo
    from lkedge.terms import Codec

    log.configure(args.log_level)
    options = DemoOptions(
        seconds=args.seconds, as_json=args.json, has_page=not args.no_browser_page, codec=Codec(args.codec)
    )
    return run_demo(options)


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value
