"""`lkedge token`: make an access token, without any secret on the command line."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import Any

from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS

EPILOG = """\
examples:
  lkedge token --room yard --identity yard-pi > token.jwt
  lkedge token --room yard --identity me --subscribe --no-publish --ttl 1h
  lkedge token --room yard --identity me --api-key-file key --api-secret-file secret

The API key and secret come from the files, else from LIVEKIT_API_KEY and
LIVEKIT_API_SECRET; never from the command line, where others could read them.
"""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "token", help=COMMANDS["token"], description="Make an access token and print it.", **raw_help(EPILOG)
    )
    parser.add_argument("--room", required=True, help="the room that it opens")
    parser.add_argument("--identity", required=True, help="who the holder is in that room")
    parser.add_argument("--name", default="", help="the name that others see")
    parser.add_argument(
        "--ttl", type=duration, default=duration("6h"), metavar="TIME", help="30m, 6h, 7d (default: 6h)"
    )
    parser.add_argument("--subscribe", action="store_true", help="the holder may see and hear others")
    parser.add_argument("--no-publish", action="store_true", help="the holder may not publish")
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help="instead of LIVEKIT_API_KEY")
    parser.add_argument("--api-secret-file", type=Path, metavar="FILE", help="instead of LIVEKIT_API_SECRET")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the token, alone on a line."""
    from lkedge.signaling.claims import Grants, mint_token
    from lkedge.signaling.token import load_api_key

    pair = load_api_key(args.api_key_file, args.api_secret_file)
    grants = Grants(name=args.name, can_publish=not args.no_publish, can_subscribe=args.subscribe, ttl_s=args.ttl)
    print(mint_token(pair.key, pair.secret, identity=args.identity, room=args.room, now_s=time.time(), grants=grants))
    return 0


def duration(text: str) -> int:
    """`90`, `30m`, `6h` or `7d` in seconds."""
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    seconds = int(match[1]) * UNITS[match[2] or "s"] if match else 0
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 30m, 6h or 7d")
    return seconds
